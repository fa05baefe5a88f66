import fc from 'fast-check';
import { anyDecimals } from './fuzz-decimals.ts';

/** Names that mean something to an object itself. */
export const NASTY_KEYS = [
  '__proto__',
  'constructor',
  'toString',
  'valueOf',
  'toJSON',
  'length',
  'then',
  'hasOwnProperty',
  '',
  '0',
  '-1',
  ' ',
];

const NUMBERS = [
  0,
  -0,
  1,
  -1,
  0.5,
  1e21,
  1e308,
  -1e308,
  5e-324,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  2 ** 53 + 2,
  -(2 ** 53),
  1e-7,
  65_536,
];

/** A value where another one belongs. */
export const leaves: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: anyDecimals },
  { weight: 3, arbitrary: fc.constantFrom<unknown>(...NUMBERS, null, true, false, '', [], {}) },
  { weight: 2, arbitrary: fc.integer({ min: -10, max: 100_000 }) },
  { weight: 1, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'x'.repeat(300),
      'é'.repeat(2000),
      '\0',
      '\ud800',
      '2026-02-30',
      '2026-11-23',
      'USD',
      'eur',
    ),
  },
);

/** Arrays and objects one in another, deeper than any stack, or just deep. */
export const deep: fc.Arbitrary<unknown> = fc
  .tuple(fc.constantFrom(3, 30, 300, 5000, 20_000), fc.boolean())
  .map(([depth, list]) => {
    let value: unknown = 1;
    for (let i = 0; i < depth; i++) value = list ? [value] : { a: value };
    return value;
  });

/** `JSON.stringify` would run out of stack with {@link deep}. */
export function jsonText(value: unknown): string {
  const parts: string[] = [];
  const stack: unknown[] = [value];
  const raw = new WeakSet<object>();
  const text = (piece: string): object => {
    const holder = { piece };
    raw.add(holder);
    return holder;
  };
  while (stack.length > 0) {
    const top = stack.pop();
    if (typeof top !== 'object' || top === null) parts.push(JSON.stringify(top) ?? 'null');
    else if (raw.has(top)) parts.push((top as { piece: string }).piece);
    else if (Array.isArray(top)) {
      stack.push(text(']'));
      for (let i = top.length - 1; i >= 0; i--) stack.push(top[i], text(i === 0 ? '' : ','));
      stack.push(text('['));
    } else {
      const entries = Object.entries(top);
      stack.push(text('}'));
      for (let i = entries.length - 1; i >= 0; i--) {
        stack.push(entries[i]![1], text(`${i === 0 ? '' : ','}${JSON.stringify(entries[i]![0])}:`));
      }
      stack.push(text('{'));
    }
  }
  return parts.join('');
}

/** Objects of these names (and nasty ones), a few levels deep, with any value. */
export function hostileObject(names: readonly string[], depth = 3): fc.Arbitrary<unknown> {
  const keys = fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...names) }, fc.constantFrom(...NASTY_KEYS));
  let value: fc.Arbitrary<unknown> = fc.oneof({ weight: 300, arbitrary: leaves }, deep);
  for (let i = 0; i < depth; i++) {
    const inner = value;
    // defineProperty: a member called __proto__ must be one.
    const object = fc.array(fc.tuple(keys, inner), { maxLength: 6 }).map(objectOf);
    value = fc.oneof(
      { weight: 2, arbitrary: inner },
      { weight: 3, arbitrary: object },
      fc.array(inner, { maxLength: 3 }),
    );
  }
  return fc.array(fc.tuple(keys, value), { maxLength: 8 }).map(objectOf);
}

export function objectOf(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of entries)
    Object.defineProperty(result, key, { value, enumerable: true, configurable: true, writable: true });
  return result;
}

/** A real value with a few of its members changed, gone, doubled or moved. */
export function damaged(real: readonly unknown[]): fc.Arbitrary<unknown> {
  const change = fc.tuple(
    fc.nat(),
    fc.constantFrom('set', 'drop', 'nest', 'name'),
    fc.oneof({ weight: 100, arbitrary: leaves }, deep),
  );
  return fc
    .tuple(fc.constantFrom(...real), fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([value, changes]) => {
      const copy = structuredClone(value);
      for (const [where, how, what] of changes) {
        const places: [object, string][] = [];
        const seek = (node: unknown, level: number): void => {
          if (typeof node !== 'object' || node === null || level > 12) return;
          for (const key of Object.keys(node)) {
            places.push([node, key]);
            seek((node as Record<string, unknown>)[key], level + 1);
          }
        };
        seek(copy, 0);
        if (places.length === 0) break;
        const [node, key] = places[where % places.length]! as [Record<string, unknown>, string];
        if (how === 'set') node[key] = what;
        else if (how === 'drop') delete node[key];
        else if (how === 'nest') node[key] = [node[key]];
        else if (!Array.isArray(node))
          Object.defineProperty(node, NASTY_KEYS[where % NASTY_KEYS.length]!, {
            value: node[key],
            enumerable: true,
            configurable: true,
            writable: true,
          });
      }
      return copy;
    });
}

/** Real bytes with some of them changed, gone, doubled, swapped, cut off. */
export function damagedBytes(real: readonly (string | Buffer)[]): fc.Arbitrary<Buffer> {
  const hit = fc.tuple(
    fc.nat(),
    fc.nat({ max: 64 }),
    fc.constantFrom('flip', 'put', 'cut', 'copy', 'end'),
    fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 4 }),
      fc.constantFrom(
        ...['"', '{', '}', '[', ']', ',', ':', '\n', '\0', '\\u0000', '1e999', '\ufeff'].map(
          (text) => new Uint8Array(Buffer.from(text)),
        ),
      ),
    ),
  );
  return fc.tuple(fc.constantFrom(...real), fc.array(hit, { minLength: 1, maxLength: 5 })).map(([text, hits]) => {
    let bytes = Buffer.from(text);
    for (const [where, size, how, what] of hits) {
      const at = where % (bytes.length + 1);
      const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
      if (how === 'flip') bytes = Buffer.concat([head, what, tail.subarray(what.length)]);
      else if (how === 'put') bytes = Buffer.concat([head, what, tail]);
      else if (how === 'cut') bytes = Buffer.concat([head, tail.subarray(size)]);
      else if (how === 'copy') bytes = Buffer.concat([head, tail.subarray(0, size), tail]);
      else if (where % 3 === 0) bytes = Buffer.from(head);
    }
    return bytes;
  });
}
