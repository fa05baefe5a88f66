import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeLine, EVENT, encodeLine, HEADER } from './line.ts';

const encode = (payload: string, kind: typeof EVENT | typeof HEADER = EVENT) => Buffer.from(encodeLine(kind, payload));

function readAll(buffer: Uint8Array): { events: string[]; damaged: number } {
  const events: string[] = [];
  let damaged = 0;
  for (let at = 0; ; ) {
    const line = decodeLine(buffer, at);
    if (line === undefined) return { events, damaged };
    if (line.kind === EVENT) events.push(Buffer.from(line.payload).toString());
    if (line.kind === 'damaged') damaged++;
    at = line.end;
  }
}

test('a line reads back, whatever its length and alphabet', () => {
  const payloads = ['{}', '{"a":"é😀\u2028"}', JSON.stringify('x'.repeat(200_000)), JSON.stringify('é'.repeat(30_000))];
  expect(readAll(Buffer.concat(payloads.map((payload) => encode(payload))))).toEqual({ events: payloads, damaged: 0 });
});

test('a line whose kind was flipped is damaged, not another kind', () => {
  const line = encode('{}');
  line[0] = HEADER;
  expect(decodeLine(line, 0)?.kind).toBe('damaged');
});

// At most ten different ids, so that a made-up record would be seen.
const payloads = fc.array(
  fc
    .tuple(fc.integer({ min: 0, max: 9 }), fc.string({ unit: 'binary', maxLength: 40 }))
    .map(([n, s]) => JSON.stringify([n, s.toWellFormed()])),
  { minLength: 1, maxLength: 12 },
);

test('truncation anywhere: every whole line before the cut, nothing else', () => {
  fc.assert(
    fc.property(payloads, fc.nat(), (list, random) => {
      const lines = list.map((payload) => encode(payload));
      const whole = Buffer.concat(lines);
      const cut = random % (whole.length + 1);
      let intact = 0;
      for (let end = 0; intact < lines.length && end + lines[intact]!.length <= cut; intact++)
        end += lines[intact]!.length;
      expect(readAll(whole.subarray(0, cut))).toEqual({ events: list.slice(0, intact), damaged: 0 });
    }),
    { numRuns: 500 },
  );
});

test('corruption anywhere: every untouched line, before and after it, and never a changed one', () => {
  fc.assert(
    fc.property(
      payloads,
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }),
      (list, hits) => {
        const lines = list.map((payload) => encode(payload));
        const whole = Buffer.concat(lines);
        const original = Buffer.from(whole);
        for (const [random, mask] of hits) whole[random % whole.length]! ^= mask;
        let at = 0;
        const untouched: string[] = [];
        // A line survives when its bytes and the newline before it are as they were.
        lines.forEach((line, i) => {
          const from = Math.max(0, at - 1);
          if (whole.subarray(from, at + line.length).equals(original.subarray(from, at + line.length)))
            untouched.push(list[i]!);
          at += line.length;
        });
        const { events } = readAll(whole);
        for (const event of events) expect(list).toContain(event);
        expect(events.filter((event) => untouched.includes(event)).length).toBeGreaterThanOrEqual(untouched.length);
      },
    ),
    { numRuns: 1000 },
  );
});
