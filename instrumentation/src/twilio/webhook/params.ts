import { parse } from 'node:querystring';

/** Parameters of a webhook by name, decoded; a name that was sent several times has all its values. No prototype. */
export type WebhookParams = Readonly<Record<string, string | readonly string[]>>;

/** Twilio sends some dozens; body parsers stop at 1,000 too. */
const MAX_PARAMS = 1000;

export const NO_PARAMS: WebhookParams = Object.freeze(Object.create(null));

/** Parameters of `application/x-www-form-urlencoded` text. Never throws: what is no escape is taken as it stands. */
export function parseForm(text: string): WebhookParams {
  return parse(text, '&', '=', { maxKeys: MAX_PARAMS }) as WebhookParams;
}

/** Parameters of the query of a URL or of a request's path. */
export function parseQuery(url: string): WebhookParams {
  const start = url.indexOf('?');
  if (start < 0) return NO_PARAMS;
  const end = url.indexOf('#', start);
  return parseForm(url.slice(start + 1, end < 0 ? undefined : end));
}

/** The fields of a JSON object that are text or numbers; nothing for any other JSON and for what is none. */
export function parseJson(text: string): WebhookParams {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return NO_PARAMS;
  }
  return fromObject(json, (value) =>
    typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined,
  );
}

/** Parameters of a body that somebody else has parsed. */
export function fromParsedBody(body: unknown): WebhookParams {
  return fromObject(body, (value) => {
    if (typeof value === 'string') return value;
    return Array.isArray(value) ? value.map(textOf) : textOf(value);
  });
}

/** A nested body may name its own `toString` (`a[toString]=1`): it is none. */
function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return '[object Object]';
  }
}

function fromObject(object: unknown, read: (value: unknown) => string | readonly string[] | undefined): WebhookParams {
  if (typeof object !== 'object' || object === null || Array.isArray(object)) return NO_PARAMS;
  const result = Object.create(null) as Record<string, string | readonly string[]>;
  for (const [name, value] of Object.entries(object)) {
    const text = read(value);
    if (text !== undefined) result[name] = text;
  }
  return result;
}

/**
 * One parameter. A name that was sent with different values has none: which one Twilio meant cannot be known, and
 * money does not follow a guess.
 */
export function param(params: WebhookParams, name: string): string | undefined {
  const value = params[name];
  if (value === undefined || typeof value === 'string') return value === '' ? undefined : value;
  const [first] = value;
  return first !== '' && value.every((each) => each === first) ? first : undefined;
}

/** The parameters as body parsers hand them out: an ordinary object, without `__proto__`. */
export function asBody(params: WebhookParams): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(params)) {
    if (name !== '__proto__') result[name] = typeof value === 'string' ? value : [...value];
  }
  return result;
}
