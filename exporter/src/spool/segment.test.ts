import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { UNKNOWN_HEADER } from '../record.ts';
import { EVENT, encodeLine, HEADER } from './line.ts';
import { Segment } from './segment.ts';

const LIMITS = { maxEvents: 1000, maxBytes: 1024 * 1024 };
let root: string;
let path: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'client-cost-exporter-'));
  mkdirSync(join(root, 'w'));
  path = join(root, 'w', '00000001.seg');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(payloads: string[], header = '{"resource":{}}'): Segment {
  const segment = Segment.create(path);
  segment.append(encodeLine(HEADER, header));
  for (const payload of payloads) segment.append(encodeLine(EVENT, payload));
  return segment;
}

function drain(segment: Segment, limits = LIMITS): { header: string; records: string[] }[] {
  const batches = [];
  for (let batch = segment.next(limits); batch !== undefined; batch = segment.next(limits)) {
    batches.push({ header: batch.header, records: batch.records.map((record) => Buffer.from(record).toString()) });
    batch.commit();
  }
  return batches;
}

test('batches keep the limits and the order; without a commit the same events come again', () => {
  const payloads = Array.from({ length: 25 }, (_, i) => JSON.stringify({ i, pad: 'x'.repeat(i * 10) }));
  const segment = write(payloads);
  const first = segment.next({ maxEvents: 10, maxBytes: 1e6 })!;
  expect(segment.next({ maxEvents: 10, maxBytes: 1e6 })!.records).toEqual(first.records);
  const batches = drain(segment, { maxEvents: 10, maxBytes: 1000 });
  expect(batches.flatMap(({ records }) => records)).toEqual(payloads);
  for (const { records } of batches) {
    expect(records.length).toBeLessThanOrEqual(10);
    if (records.length > 1) expect(records.join('').length).toBeLessThanOrEqual(1000);
  }
  expect(segment.drained).toBe(true);
});

test('one event larger than a batch goes alone', () => {
  const large = JSON.stringify('x'.repeat(3_000_000));
  const segment = write(['1', large, '2']);
  expect(drain(segment).map(({ records }) => records)).toEqual([['1'], [large], ['2']]);
});

test('a change of the header splits batches', () => {
  const segment = write(['1'], '{"a":1}');
  segment.append(encodeLine(HEADER, '{"b":2}'));
  segment.append(encodeLine(EVENT, '2'));
  expect(drain(segment)).toEqual([
    { header: '{"a":1}', records: ['1'] },
    { header: '{"b":2}', records: ['2'] },
  ]);
});

test('a reopened segment goes on behind the acknowledged events, under the right header', () => {
  const segment = write(['1', '2', '3']);
  const batch = segment.next({ ...LIMITS, maxEvents: 2 })!;
  batch.commit();
  segment.close();
  expect(drain(Segment.open(path))).toEqual([{ header: '{"resource":{}}', records: ['3'] }]);
});

test('a damaged acknowledgement means a resend, not a loss', () => {
  const segment = write(['1', '2']);
  segment.next({ ...LIMITS, maxEvents: 1 })!.commit();
  segment.close();
  // An offset inside a line is none that was ever acknowledged.
  const offsets = ['999999999999999', '000000000000030'].map((offset) =>
    Buffer.from(encodeLine(HEADER, offset)).toString(),
  );
  for (const text of ['', 'garbage', ...offsets]) {
    writeFileSync(path.replace('.seg', '.ack'), text);
    const reopened = Segment.open(path);
    expect(reopened.next(LIMITS)!.records).toHaveLength(2);
    reopened.close();
  }
});

test.each([
  'null',
  'x',
  '{"scope":null}',
  '{"resource":{"attributes":7},"scope":{}}',
  '{"resource":{},"scope":{"name":{}}}',
])('a header that no receiver would take is left out, whatever its checksum: %s', (header) => {
  const segment = write(['1', '2'], header);
  expect(drain(segment)).toEqual([{ header: UNKNOWN_HEADER, records: ['1', '2'] }]);
});

test('events behind a damaged header are kept', () => {
  write(['1']).close();
  const bytes = readFileSync(path);
  bytes[12]! ^= 1;
  writeFileSync(path, bytes);
  const segment = Segment.open(path);
  expect(drain(segment)).toEqual([{ header: UNKNOWN_HEADER, records: ['1'] }]);
  expect(segment.finish()).toBe('damaged');
  expect(existsSync(path)).toBe(false);
  expect(existsSync(join(root, 'w-00000001.seg.damaged'))).toBe(true);
});

test('a torn tail holds up nothing and is kept', () => {
  write(['1']).close();
  appendFileSync(path, Buffer.from(encodeLine(EVENT, '{"torn":1}')).subarray(0, 12));
  const segment = Segment.open(path);
  expect(drain(segment)).toHaveLength(1);
  expect(segment.drained).toBe(true);
  expect(segment.finish()).toBe('damaged');
});

test('a file truncated behind our back ends the segment', () => {
  const segment = write(['1', '2', '3']);
  truncateSync(path, 40);
  expect(drain(segment).flatMap(({ records }) => records)).toEqual(['1']);
});

test('any damage and any batch size: no intact event is lost, none is made up, and it ends', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'binary', maxLength: 30 }), { minLength: 1, maxLength: 10 }),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 3 }),
      fc.option(fc.nat()),
      fc.integer({ min: 1, max: 4 }),
      (texts, hits, cut, maxEvents) => {
        rmSync(path, { force: true });
        const payloads = texts.map((text, i) => JSON.stringify([i, text.toWellFormed()]));
        write(payloads).close();
        const bytes = readFileSync(path);
        const original = Buffer.from(bytes);
        for (const [random, mask] of hits) bytes[random % bytes.length]! ^= mask;
        const end = cut === null ? bytes.length : cut % (bytes.length + 1);
        writeFileSync(path, bytes.subarray(0, end));
        const got = drain(Segment.open(path), { maxEvents, maxBytes: 60 }).flatMap(({ records }) => records);
        rmSync(path.replace('.seg', '.ack'), { force: true });
        for (const record of got) expect(payloads).toContain(record);
        expect(new Set(got).size).toBe(got.length);
        let at = encodeLine(HEADER, '{"resource":{}}').length;
        for (const payload of payloads) {
          const length = encodeLine(EVENT, payload).length;
          const intact =
            at + length <= end && bytes.subarray(at - 1, at + length).equals(original.subarray(at - 1, at + length));
          if (intact) expect(got).toContain(payload);
          at += length;
        }
      },
    ),
    { numRuns: 300 },
  );
});
