/*
 * Two small languages of the providers file. Path patterns: neither `URLPattern` (Node.js 24) nor path-to-regexp reads
 * `/v1/places:search` as the literal that it is for many APIs. JSON paths: the part of RFC 9535 that names values.
 */

export interface PathPattern {
  readonly text: string;
  /** The parameters of a path that fits, by name; undefined where it does not. */
  match(path: string): Readonly<Record<string, string>> | undefined;
}

/** `/v1/documents/:id/pages`: a segment that begins with `:` is any one segment; `/*` at the end is any rest. */
export function parsePathPattern(text: string): PathPattern | string {
  if (!text.startsWith('/')) return 'expected a path that begins with "/", such as "/v1/documents/:id"';
  if (/[?#]/.test(text)) return 'expected a path without a query: conditions on it go to "query"';
  const names: string[] = [];
  const segments = text.replace(/\/$/, '').split('/').slice(1);
  let source = '';
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1;
    if (segment === '*' && last) source += '(?:/.*)?';
    else if (segment.includes('*'))
      return '"*" can only be the last segment, as in "/v1/files/*"; one segment is ":name"';
    else if (segment.startsWith(':')) {
      const name = segment.slice(1);
      if (!/^[A-Za-z_]\w*$/.test(name)) return `":${name}" is not a name for a segment, such as ":id"`;
      if (names.includes(name)) return `":${name}" stands in it twice`;
      names.push(name);
      source += '/([^/]+)';
    } else source += `/${segment.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')}`;
  }
  const pattern = new RegExp(`^${source}/?$`);
  return {
    text,
    match(path: string) {
      const found = pattern.exec(path);
      return found === null ? undefined : Object.fromEntries(names.map((name, i) => [name, found[i + 1]!]));
    },
  };
}

/** A member's name, an index (negative: from the end), or every member or element. */
type Step = string | number | typeof EVERY;
const EVERY = Symbol('*');

export interface JsonPath {
  readonly text: string;
  /** All values that it names, at most 100,000. */
  find(root: unknown): unknown[];
}

const STEP = /\.([\p{L}_$][\p{L}\p{N}_$-]*)|\.(\*)|\[(-?\d{1,9})\]|\[(\*)\]|\[(?:'([^']*)'|"([^"]*)")\]/uy;
const MAX_FOUND = 100_000;

/** `$.usage.pages`, `$.items[0].id`, `$.items[*].pages`, `$['a name']`; a text says what is wrong. */
export function parseJsonPath(text: string): JsonPath | string {
  const wrong = 'expected a path such as "$.usage.pages", "$.items[0].id", "$.items[*].pages" or "$[\'a name\']"';
  if (!text.startsWith('$')) return wrong;
  const steps: Step[] = [];
  STEP.lastIndex = 1;
  while (STEP.lastIndex < text.length) {
    const at = STEP.lastIndex;
    const match = STEP.exec(text);
    if (match === null) return `${wrong}; not understood from ${JSON.stringify(text.slice(at, at + 40))} on`;
    if (match[2] !== undefined || match[4] !== undefined) steps.push(EVERY);
    else if (match[3] !== undefined) steps.push(Number(match[3]));
    else steps.push(match[1] ?? match[5] ?? match[6] ?? '');
  }
  return { text, find: (root) => steps.reduce<unknown[]>(follow, root === undefined ? [] : [root]) };
}

function follow(values: unknown[], step: Step): unknown[] {
  const found: unknown[] = [];
  for (const value of values) {
    if (typeof value !== 'object' || value === null) continue;
    if (step === EVERY) for (const inner of Object.values(value).slice(0, MAX_FOUND - found.length)) found.push(inner);
    else if (typeof step === 'number') {
      const inner = Array.isArray(value) ? value.at(step) : undefined;
      if (inner !== undefined) found.push(inner);
    } else if (!Array.isArray(value) && Object.hasOwn(value, step)) {
      found.push((value as Record<string, unknown>)[step]);
    }
  }
  return found;
}
