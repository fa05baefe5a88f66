import fc from 'fast-check';
import { expect, test } from 'vitest';
import { otlpBody, serializeEvent, serializeHeader } from './record.ts';
import type { UsageEvent } from './types.ts';

const NOW = 1_767_225_600_000_000_000n;

function record(
  event: Partial<UsageEvent>,
): Record<string, unknown> & { attributes: { key: string; value: Record<string, unknown> }[] } {
  return JSON.parse(serializeEvent({ id: 'u1', timeUnixNano: 5n, attributes: {}, ...event }, NOW));
}

function value(attribute: unknown): unknown {
  return record({ attributes: { 'usage.id': 'u1', a: attribute } as never }).attributes.find(({ key }) => key === 'a')
    ?.value;
}

test('a usage event is an OTLP log record with its event name', () => {
  const event = {
    timeUnixNano: 1767225600123456789n,
    attributes: { 'usage.id': 'u1', 'cost.amount': '0.000027', 'gen_ai.usage.input_tokens': 100, ok: true },
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    traceFlags: 1,
  };
  expect(record(event)).toEqual({
    timeUnixNano: '1767225600123456789',
    observedTimeUnixNano: String(NOW),
    severityNumber: 9,
    severityText: 'INFO',
    eventName: 'client_cost.usage',
    attributes: [
      { key: 'usage.id', value: { stringValue: 'u1' } },
      { key: 'cost.amount', value: { stringValue: '0.000027' } },
      { key: 'gen_ai.usage.input_tokens', value: { intValue: '100' } },
      { key: 'ok', value: { boolValue: true } },
    ],
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    flags: 1,
  });
});

test('numbers keep their value and stay JSON', () => {
  expect(value(0.1)).toEqual({ doubleValue: 0.1 });
  expect(value(-0)).toEqual({ intValue: '0' });
  expect(value(2 ** 60)).toEqual({ intValue: '1152921504606846976' });
  expect(value(2 ** 63)).toEqual({ doubleValue: 2 ** 63 });
  expect(value(Number.NaN)).toEqual({ stringValue: 'NaN' });
  expect(value(Number.POSITIVE_INFINITY)).toEqual({ stringValue: 'Infinity' });
  expect(value(2n ** 63n - 1n)).toEqual({ intValue: '9223372036854775807' });
  expect(value(2n ** 64n)).toEqual({ stringValue: '18446744073709551616' });
});

test('lists, maps and values that say nothing', () => {
  expect(value(['a', 1])).toEqual({ arrayValue: { values: [{ stringValue: 'a' }, { intValue: '1' }] } });
  expect(value({ b: true })).toEqual({ kvlistValue: { values: [{ key: 'b', value: { boolValue: true } }] } });
  expect(value(undefined)).toBeUndefined();
  expect(value(null)).toBeUndefined();
  const cycle: unknown[] = [];
  cycle.push(cycle);
  expect(JSON.stringify(value(cycle))).toContain('too deep');
});

test('the id is present also when the attributes lack it', () => {
  expect(record({ id: 'u9', attributes: {} }).attributes).toEqual([{ key: 'usage.id', value: { stringValue: 'u9' } }]);
  expect(record({ id: 'u9', attributes: { b: 1 } }).attributes).toHaveLength(2);
});

test('malformed trace ids and times do not reach the Collector, which would refuse the batch', () => {
  const bad = record({ traceId: 'XYZ', spanId: '"', traceFlags: 1, timeUnixNano: -1n });
  expect(bad).not.toHaveProperty('traceId');
  expect(bad).not.toHaveProperty('spanId');
  expect(bad.timeUnixNano).toBe(String(NOW));
  expect(record({ timeUnixNano: 2n ** 64n }).timeUnixNano).toBe(String(NOW));
  expect(record({ timeUnixNano: 2n ** 63n - 1n }).timeUnixNano).toBe(String(NOW));
  expect(record({ timeUnixNano: 'soon' as never }).timeUnixNano).toBe(String(NOW));
});

test('a string far too long for a request is cut', () => {
  expect((value('x'.repeat(1_000_000)) as { stringValue: string }).stringValue).toHaveLength(256 * 1024);
  expect((value('y'.repeat(10_240)) as { stringValue: string }).stringValue).toHaveLength(10_240);
});

test('any text in any place gives one line of valid UTF-8 JSON that reads back', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 50 }),
    fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((c) => String.fromCharCode(c)), maxLength: 50 }),
    fc.constantFrom('"', '\\', '\n', '\u0000', '\u2028', '\ud800', '\udc00x', "'; DROP TABLE x --", '😀'),
  );
  fc.assert(
    fc.property(fc.dictionary(anyText, anyText), (attributes) => {
      const line = serializeEvent({ id: 'u1', timeUnixNano: 1n, attributes }, NOW);
      expect(line).not.toMatch(/[\n\r]/);
      const bytes = Buffer.from(line);
      const parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as ReturnType<typeof record>;
      for (const [key, text] of Object.entries(attributes)) {
        expect(parsed.attributes).toContainEqual({
          key: key.toWellFormed(),
          value: { stringValue: text.toWellFormed() },
        });
      }
    }),
    { numRuns: 300 },
  );
});

test('a request joins lines under their resource and scope', () => {
  const header = serializeHeader({ attributes: { 'service.name': 'svc' }, schemaUrl: 'https://s' }, '1.0');
  const records = ['{"a":1}', '{"b":2}'].map((line) => Buffer.from(line));
  expect(JSON.parse(otlpBody(header, records).toString())).toEqual({
    resourceLogs: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'svc' } }] },
        schemaUrl: 'https://s',
        scopeLogs: [
          { scope: { name: '@client-cost/instrumentation', version: '1.0' }, logRecords: [{ a: 1 }, { b: 2 }] },
        ],
      },
    ],
  });
});

test('resource attributes that are still being detected are left out without touching the getter', () => {
  const resource = {
    asyncAttributesPending: true,
    get attributes(): never {
      throw new Error('complains');
    },
    getRawAttributes: (): [string, unknown][] => [
      ['service.name', 'first'],
      ['host.id', Promise.resolve('x')],
      ['service.name', 'second'],
    ],
  };
  expect(JSON.parse(serializeHeader(resource)).resource.attributes).toEqual([
    { key: 'service.name', value: { stringValue: 'first' } },
  ]);
});
