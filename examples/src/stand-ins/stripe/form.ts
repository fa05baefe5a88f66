/** What a form-encoded body says: strings, and objects and lists of them. */
export type FormValue = string | FormValue[] | { [key: string]: FormValue };
export type Form = { [key: string]: FormValue };

/**
 * Reads Stripe's form encoding: `amount=1099&metadata[order]=7&expand[]=a&expand[0]=b&items[0][price]=p`.
 * @throws Error naming a key that is too deep or reaches for an object's prototype
 */
export function parseForm(text: string): Form {
  const result: Form = Object.create(null) as Form;
  for (const [key, value] of new URLSearchParams(text)) put(result, key, value);
  return lists(result) as Form;
}

const MAX_DEPTH = 10;

function put(target: Form, key: string, value: string): void {
  const [head = '', ...rest] = key.split('[');
  const path = [head, ...rest.map((part) => part.replace(/\]$/, ''))];
  if (path.length > MAX_DEPTH) throw new Error(`Invalid parameter: ${key} is too deep`);
  let at: Form = target;
  path.forEach((part, index) => {
    const name = part === '' && index > 0 ? String(Object.keys(at).length) : part;
    if (index === path.length - 1) {
      at[name] = value;
      return;
    }
    const next = at[name];
    if (typeof next !== 'object' || Array.isArray(next)) at[name] = Object.create(null) as Form;
    at = at[name] as Form;
  });
}

/** Objects whose keys are 0, 1, 2 … become lists. */
function lists(value: FormValue): FormValue {
  if (typeof value === 'string' || Array.isArray(value)) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, lists(inner)] as const);
  if (entries.length > 0 && entries.every(([key]) => /^\d+$/.test(key))) {
    return entries.sort(([a], [b]) => Number(a) - Number(b)).map(([, inner]) => inner);
  }
  return Object.fromEntries(entries);
}

/** A string parameter; undefined where it is absent, empty or no string. */
export function text(form: Form, name: string): string | undefined {
  const value = form[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
