import { type Decimal, parseDecimal } from '../../money.ts';
import type { Problem } from '../../prices/entry.ts';
import { parseJsonPath } from './paths.ts';
import type { NumberSource, Source, StatusTest, Wanted } from './types.ts';

export type Json = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  let text: string;
  try {
    text = JSON.stringify(value) ?? typeof value;
  } catch {
    // Nested more deeply than the stack reaches.
    text = Array.isArray(value) ? 'a list' : 'an object';
  }
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

const JSON_SOURCES = ['response.json', 'request.json'] as const;
const NAMED_SOURCES = ['response.header', 'request.header', 'request.query', 'request.path'] as const;
const SOURCE_KEYS = ['from', 'path', 'name', 'default'];
const NUMBER_KEYS = ['count', 'divide_by', 'round', 'min'];

/** Reads fields of one entry; collects what is wrong, with its path in the file. */
export class FieldReader {
  readonly problems: Problem[] = [];
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  bad(path: string, message: string): undefined {
    this.problems.push({ path: path === '' ? this.#path : `${this.#path}.${path}`, message });
    return undefined;
  }

  known(raw: Json, keys: readonly string[], at = ''): void {
    for (const key of Object.keys(raw)) {
      if (!keys.includes(key)) this.bad(at === '' ? key : `${at}.${key}`, `is not known; known are ${keys.join(', ')}`);
    }
  }

  /** A name that goes into the ledger. */
  name(raw: Json, key: string, fallback?: string): string {
    const value = raw[key] === undefined ? fallback : raw[key];
    if (typeof value === 'string' && /^[A-Za-z0-9][\w.-]{0,63}$/.test(value)) return value;
    this.bad(key, `expected a name of letters, digits, "_", "-", "." (at most 64), got ${describe(raw[key])}`);
    return '';
  }

  /** `"2xx"`, `404`, `"404"`. */
  statuses(raw: Json, fallback: StatusTest): StatusTest {
    const value = raw.billed_statuses;
    if (value === undefined) return fallback;
    if (!Array.isArray(value)) {
      this.bad('billed_statuses', `expected a list such as ["2xx", 404] (empty: never billed), got ${describe(value)}`);
      return fallback;
    }
    const classes = new Set<string>();
    value.forEach((one: unknown, index) => {
      const text = typeof one === 'object' ? '' : String(one).toLowerCase();
      if (/^[1-5](xx|\d\d)$/.test(text)) classes.add(text);
      else this.bad(`billed_statuses[${index}]`, `expected a status such as "2xx" or 404, got ${describe(one)}`);
    });
    return (status) => classes.has(`${Math.floor(status / 100)}xx`) || classes.has(String(status));
  }

  wanted(value: unknown, at: string): Wanted {
    if (value === '*') return [];
    const list = Array.isArray(value) ? value : [value];
    const fits = list.length > 0 && list.every((one) => ['string', 'number', 'boolean'].includes(typeof one));
    if (fits) return list.map(String);
    this.bad(at, `expected a value, a list of values, or "*" for whatever it is, got ${describe(value)}`);
    return [];
  }

  source(value: unknown, at: string, parameters: readonly string[], more: readonly string[] = []): Source | undefined {
    if (typeof value === 'string' || typeof value === 'number') return { from: 'constant', value: String(value) };
    if (!isObject(value)) {
      const example = '{"from": "response.json", "path": "$.usage.pages"}';
      return this.bad(at, `expected a constant or an object such as ${example}, got ${describe(value)}`);
    }
    this.known(value, [...SOURCE_KEYS, ...more], at);
    const { from, path, name } = value;
    const fallback = this.#fallback(value, at);
    const ofJson = JSON_SOURCES.find((one) => one === from);
    if (ofJson !== undefined) {
      if (name !== undefined) this.bad(`${at}.name`, `${ofJson} has no "name"; say where with "path"`);
      const parsed =
        typeof path === 'string' ? parseJsonPath(path) : `expected a path such as "$.id", got ${describe(path)}`;
      return typeof parsed === 'string' ? this.bad(`${at}.path`, parsed) : { from: ofJson, path: parsed, fallback };
    }
    const named = NAMED_SOURCES.find((one) => one === from);
    if (named === undefined) {
      return this.bad(
        `${at}.from`,
        `expected one of ${[...JSON_SOURCES, ...NAMED_SOURCES].join(', ')}, got ${describe(from)}`,
      );
    }
    if (path !== undefined) this.bad(`${at}.path`, `${named} has no "path"; say which with "name"`);
    if (typeof name !== 'string' || name === '' || name.length > 256) {
      return this.bad(`${at}.name`, `expected a name such as "x-request-id", got ${describe(name)}`);
    }
    if (named === 'request.path' && !parameters.includes(name)) {
      const there = parameters.length === 0 ? 'none' : parameters.join(', ');
      return this.bad(`${at}.name`, `the operation's path has no ":${name}" (there is: ${there})`);
    }
    return { from: named, name, fallback };
  }

  number(value: unknown, at: string, parameters: readonly string[]): NumberSource | undefined {
    const source = this.source(value, at, parameters, NUMBER_KEYS);
    if (source === undefined) return undefined;
    if (source.from === 'constant') this.decimal(source.value, at);
    const raw = isObject(value) ? value : {};
    if (raw.count !== undefined && typeof raw.count !== 'boolean') this.bad(`${at}.count`, 'expected true or false');
    if (raw.count === true && !('path' in source)) this.bad(`${at}.count`, 'only values of a "path" can be counted');
    if (raw.round !== undefined && raw.round !== 'up')
      this.bad(`${at}.round`, `expected "up", got ${describe(raw.round)}`);
    if (raw.default !== undefined) this.decimal(raw.default, `${at}.default`);
    const divideBy = raw.divide_by === undefined ? undefined : this.decimal(raw.divide_by, `${at}.divide_by`);
    if (divideBy?.coefficient === 0n) this.bad(`${at}.divide_by`, 'is zero');
    return {
      source,
      plain: NUMBER_KEYS.every((key) => raw[key] === undefined),
      count: raw.count === true,
      divideBy,
      roundUp: raw.round === 'up',
      minimum: raw.min === undefined ? undefined : this.decimal(raw.min, `${at}.min`),
    };
  }

  decimal(value: unknown, at: string): Decimal | undefined {
    const result = parseDecimal(value);
    if (!result.ok) return this.bad(at, result.problem);
    if (result.value.coefficient < 0n) return this.bad(at, `${describe(value)} is negative`);
    return result.value;
  }

  #fallback(raw: Json, at: string): string | undefined {
    const value = raw.default;
    if (value === undefined || typeof value === 'string' || typeof value === 'number') return value?.toString();
    return this.bad(`${at}.default`, `expected a text or a number, got ${describe(value)}`);
  }
}
