import { FORMATS, type VariableValue } from './formats.ts';

/** What a dashboard knows when it sends a query. */
export interface QueryContext {
  /** Values by variable name; several values for a multi-value variable. `$__all` counts only inside `$__conditionalAll`. */
  readonly variables?: Readonly<Record<string, string | readonly string[]>>;
  /** What a variable shows where that is not its value, for `${name:text}`. */
  readonly texts?: Readonly<Record<string, string>>;
  readonly from: Date;
  readonly to: Date;
  /** Milliseconds between two points of a graph; a minute where nothing says otherwise. */
  readonly intervalMs?: number;
  /** The signed-in user, for `${__user.login}`. */
  readonly user?: { readonly login: string; readonly email?: string; readonly id?: number };
  /** Title and uid of the dashboard, for `$__dashboard`. */
  readonly dashboard?: { readonly title: string; readonly uid: string };
}

export const DEFAULT_INTERVAL_MS = 60_000;
export const ALL = '$__all';

const VARIABLE = /\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}/g;

interface Known {
  readonly value: VariableValue;
  readonly text?: string | undefined;
}

const UNITS: readonly (readonly [string, number])[] = [
  ['y', 31_536_000],
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
];

/** An interval as Grafana writes it: its largest whole unit, `90_000` is `1m`. */
export function intervalText(ms: number): string {
  for (const [unit, seconds] of UNITS) {
    const count = Math.floor(ms / 1000 / seconds);
    if (count > 0) return `${count}${unit}`;
  }
  return `${Math.floor(ms)}ms`;
}

function builtIn(name: string, path: string | undefined, context: QueryContext): Known | undefined {
  const intervalMs = context.intervalMs ?? DEFAULT_INTERVAL_MS;
  const rangeMs = context.to.getTime() - context.from.getTime();
  const user = context.user ?? { login: 'admin' };
  switch (name) {
    case '__from':
      return { value: context.from.getTime(), text: '' };
    case '__to':
      return { value: context.to.getTime(), text: '' };
    case '__interval':
      return { value: intervalText(intervalMs) };
    case '__interval_ms':
      return { value: intervalMs };
    case '__range':
      return { value: `${Math.round(rangeMs / 1000)}s` };
    case '__range_s':
      return { value: Math.round(rangeMs / 1000) };
    case '__range_ms':
      return { value: rangeMs };
    case '__timezone':
      return { value: 'utc' };
    case '__dashboard':
      return { value: path === 'uid' ? (context.dashboard?.uid ?? '') : (context.dashboard?.title ?? '') };
    case '__user':
      return { value: path === 'login' ? user.login : path === 'email' ? (user.email ?? '') : String(user.id ?? 1) };
    case '__org':
      return { value: path === 'name' ? 'Main Org.' : '1' };
    default:
      return undefined;
  }
}

function ownVariable(name: string, path: string | undefined, context: QueryContext): Known | undefined {
  if (context.variables === undefined || !Object.hasOwn(context.variables, name)) return undefined;
  const value = context.variables[name] as string | readonly string[];
  if (path !== undefined) throw new Error(`\${${name}.${path}}: the variable "${name}" has no fields`);
  if (value === ALL || (Array.isArray(value) && value[0] === ALL)) {
    throw new Error(`The variable "${name}" is "All": give the values that it stands for`);
  }
  const text = context.texts?.[name] ?? (Array.isArray(value) ? value.join(' + ') : String(value));
  return { value, text };
}

// Without a format the plugin quotes several values and leaves one as it is.
const plain = (value: VariableValue): string => (Array.isArray(value) ? `'${value.join("','")}'` : String(value));

/**
 * A query after Grafana's templating, as the plugin calls it. Unlike Grafana, which leaves what it does not know in the text,
 * this refuses it.
 *
 * @param isMacro says which `$__names` the plugin's backend will expand later
 * @throws Error naming an unknown variable, format or macro
 */
export function replaceVariables(text: string, context: QueryContext, isMacro: (name: string) => boolean): string {
  return text.replace(
    VARIABLE,
    (match, bare?: string, old?: string, oldFormat?: string, braced?: string, path?: string, newFormat?: string) => {
      const name = bare ?? old ?? braced ?? '';
      // $1 and the like are text: no variable's name begins with a digit.
      if (bare !== undefined && /^\d/.test(bare)) return match;
      const known = ownVariable(name, path, context) ?? builtIn(name, path, context);
      if (known === undefined) {
        if (bare?.startsWith('__') && isMacro(bare.slice(2))) return match;
        if (name.startsWith('__'))
          throw new Error(`${match}: the plugin has no macro or built-in variable of that name`);
        const names = Object.keys(context.variables ?? {});
        throw new Error(
          `${match}: there is no variable "${name}"; there ${names.length === 0 ? 'are none' : `is ${names.join(', ')}`}`,
        );
      }
      const format = oldFormat ?? newFormat;
      if (format === undefined) return plain(known.value);
      const [id = '', ...args] = format.split(':');
      const formatter = Object.hasOwn(FORMATS, id) ? FORMATS[id] : undefined;
      if (formatter === undefined) {
        throw new Error(`${match}: Grafana has no format "${id}"; it has ${Object.keys(FORMATS).join(', ')}`);
      }
      return formatter({ name, value: known.value, text: known.text ?? String(known.value), args });
    },
  );
}
