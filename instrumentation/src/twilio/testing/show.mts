/*
 * What a caller can see of a value, as JSON: classes up the prototype chain, own keys, values.
 */

const HIDDEN = /^(_|stack$|config$|request$|response$|httpsAgent|httpAgent)/;

/** A value with its classes and own keys; functions by name. */
export function show(value: unknown, depth = 0): unknown {
  if (typeof value === 'function') return `function ${value.name}/${value.length}`;
  if (typeof value === 'bigint' || typeof value === 'symbol' || value === undefined) return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return `Date ${value.toISOString()}`;
  if (value instanceof Promise) return 'Promise';
  if (depth > 4) return '…';
  if (Array.isArray(value)) return value.map((item) => show(item, depth + 1));
  const classes: string[] = [];
  for (let at = Object.getPrototypeOf(value); at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    classes.push(at.constructor?.name ?? '?');
  }
  const fields = Object.fromEntries(
    Object.getOwnPropertyNames(value).map((key) => {
      if (HIDDEN.test(key)) return [key, '(there)'];
      return [key, show((value as Record<string, unknown>)[key], depth + 1)];
    }),
  );
  const message = value instanceof Error ? { message: value.message, name: value.name } : {};
  return { classes, ...fields, ...message };
}

/** The same for the same behaviour: without sids, ports and times. */
export function normal(value: unknown, port: number): unknown {
  const text = JSON.stringify(value) ?? 'null';
  return JSON.parse(
    text
      .replace(/\b(SM|MM|CA|RE|PN|RQ)[0-9a-f]{32}\b/g, '$1…')
      .replaceAll(`:${port}`, ':PORT')
      .replace(/\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d (GMT|\+0000)/g, 'DATE')
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME'),
  );
}
