import fc from 'fast-check';
import { anyDecimals, decimalsOf, type Fraction, fraction, less, plainAmounts, readDecimal } from './fuzz-decimals.ts';

/*
 * Usage records as OTLP carries them, with any value in any attribute, and what docs/ledger.md ("What is rejected") makes of them.
 */

/** A value of an attribute, of each of OTLP's types. */
export type Value =
  | { readonly string: string }
  | { readonly int: bigint }
  | { readonly double: number }
  | { readonly bool: boolean }
  | { readonly bytes: Uint8Array }
  | { readonly list: readonly Value[] }
  | { readonly map: readonly (readonly [string, Value])[] }
  | { readonly none: true };

export interface Rec {
  readonly eventName: string;
  readonly timeUnixNano: bigint;
  readonly observedTimeUnixNano: bigint;
  readonly attributes: readonly (readonly [string, Value])[];
}

const text = (string: string): Value => ({ string });
const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }).map((value) => value.toWellFormed()),
  fc.constantFrom(
    '',
    ' ',
    '\0',
    '\0\0x',
    "'",
    '\\',
    '`',
    '"',
    '{',
    "');DROP TABLE x",
    '\u202e',
    'é'.repeat(500),
    '\n\r\t',
    '2026-11-23',
    '-0',
  ),
);

/** What stands in an attribute that should be a text or a number and is something else. */
const others: fc.Arbitrary<Value> = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((int) => ({ int })),
  fc.integer({ min: -5, max: 5000 }).map((n) => ({ int: BigInt(n) })),
  fc
    .oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0.5, 1, 1e21, 1e-7, 12.25))
    .map((double) => ({ double })),
  fc.boolean().map((bool) => ({ bool })),
  fc.uint8Array({ maxLength: 6 }).map((bytes) => ({ bytes })),
  fc.array(texts.map(text), { maxLength: 3 }).map((list) => ({ list })),
  fc.array(fc.tuple(texts, texts.map(text)), { maxLength: 2 }).map((map) => ({ map })),
  fc.constant<Value>({ none: true }),
);

const decimals: fc.Arbitrary<Value> = fc.oneof(
  { weight: 6, arbitrary: plainAmounts.map(text) },
  { weight: 5, arbitrary: anyDecimals.map((value) => text(value.toWellFormed())) },
  { weight: 1, arbitrary: others },
);

const NOW = BigInt(Date.now()) * 1_000_000n;
const DAY = 86_400_000_000_000n;
const hex = (n: bigint, length: number): string => n.toString(16).padStart(length, '0').slice(-length);

/** A UUIDv7 of a time, from random bits. */
const uuid7 = (nanos: bigint, random: bigint): string => {
  const time = hex(nanos / 1_000_000n, 12);
  const bits = hex(random, 20);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${bits.slice(0, 3)}-a${bits.slice(3, 6)}-${bits.slice(8)}`;
};

let made = 0;
const random = fc.bigInt({ min: 0n, max: 2n ** 80n - 1n });
const ids: fc.Arbitrary<string> = fc
  .tuple(
    random,
    fc.oneof(
      { weight: 12, arbitrary: fc.constant('now') },
      fc.constantFrom(
        'four',
        'upper',
        'bare',
        'space',
        'short',
        'brace',
        'letters',
        'old',
        'future',
        'nil',
        'empty',
        'tail',
        'wide',
        'nul',
      ),
    ),
  )
  .map(([some, kind]) => {
    // Never the same twice: two records with one id are one charge.
    const bits = ((some >> 48n) << 48n) | BigInt(++made);
    const id = uuid7(NOW - 3_600_000_000_000n, bits);
    switch (kind) {
      case 'four':
        return `${id.slice(0, 14)}4${id.slice(15)}`;
      case 'upper':
        return id.toUpperCase();
      case 'bare':
        return id.replaceAll('-', '');
      case 'space':
        return ` ${id}`;
      case 'short':
        return id.slice(0, -1);
      case 'brace':
        return `{${id}}`;
      case 'letters':
        return `${id.slice(0, -1)}g`;
      case 'old':
        return uuid7(NOW - 6n * 366n * DAY, bits);
      case 'future':
        return uuid7(NOW + 2n * DAY, bits);
      case 'nil':
        return '00000000-0000-0000-0000-000000000000';
      case 'empty':
        return '';
      case 'tail':
        return `${id}0`;
      case 'wide':
        return id.replace(/[0-9]/, '٣');
      case 'nul':
        return `${id.slice(0, 35)}\0`;
      default:
        return id;
    }
  });

const times = fc.oneof(
  // Few days: each is a partition of its own, and they make an insert slow.
  { weight: 10, arbitrary: fc.bigInt({ min: NOW - DAY, max: NOW + DAY / 2n }) },
  fc.constantFrom(
    0n,
    1n,
    NOW - 6n * 366n * DAY,
    NOW + 2n * DAY,
    NOW + 80n * 366n * DAY,
    2n ** 63n - 1n,
    2n ** 64n - 1n,
    NOW - 4n * 365n * DAY,
  ),
);

const versions: fc.Arbitrary<Value> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 5000 }).map((n) => ({ int: BigInt(n) })) },
  fc
    .constantFrom(
      '1',
      '0',
      '-1',
      '01',
      '1.0',
      '1e3',
      '18446744073709551615',
      '18446744073709551616',
      '9'.repeat(40),
      ' 1',
      '+1',
      'one',
      '٣',
      '0x1',
    )
    .map(text),
  { weight: 1, arbitrary: others },
);

const optional = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(values, { freq: 8 });
const odd = fc.oneof({ weight: 5, arbitrary: texts.map(text) }, others);

/** Any usage record; `usage.external_id` tells them apart, and nothing else need hold. */
export const records: fc.Arbitrary<Rec> = fc
  .record({
    id: fc.oneof({ weight: 20, arbitrary: ids.map(text) }, others),
    version: optional(versions),
    service: optional(fc.oneof({ weight: 8, arbitrary: fc.constantFrom('openai', 'stripe', 'acme').map(text) }, odd)),
    client: optional(odd),
    quantity: optional(decimals),
    cost: optional(decimals),
    currency: optional(fc.oneof({ weight: 8, arbitrary: fc.constantFrom('USD', 'usd', 'EUR', '').map(text) }, odd)),
    time: times,
    observed: fc.constantFrom(0n, NOW),
    tokens: optional(fc.oneof(versions, odd)),
    more: fc.array(
      fc.tuple(
        fc.constantFrom(
          'cost.original_amount',
          'cost.estimated_amount',
          'cost.original_currency',
          'usage.unit',
          'usage.sku',
          'usage.outcome',
          'usage.metadata',
          'error.type',
          'gen_ai.usage.output_tokens',
          'gen_ai.request.model',
          'usage.deleted',
          '',
          'x',
          '__proto__',
        ),
        odd,
      ),
      { maxLength: 4 },
    ),
    name: fc.oneof(
      { weight: 30, arbitrary: fc.constant('client_cost.usage') },
      fc.constantFrom('', 'client_cost.usag', 'other'),
    ),
  })
  .map((of) => {
    const attributes: [string, Value][] = [];
    const put = (key: string, value: Value | null): void => {
      if (value !== null) attributes.push([key, value]);
    };
    put('usage.id', of.id);
    put('usage.version', of.version);
    put('usage.service', of.service);
    put('client.id', of.client);
    put('usage.quantity', of.quantity);
    put('cost.amount', of.cost);
    put('cost.currency', of.currency);
    put('gen_ai.usage.input_tokens', of.tokens);
    // A key once: which of two the Collector takes is its own affair.
    const seen = new Set<string>();
    for (const [key, value] of of.more) {
      if (!seen.has(key)) attributes.push([key, value]);
      seen.add(key);
    }
    return { eventName: of.name, timeUnixNano: of.time, observedTimeUnixNano: of.observed, attributes };
  });

/** A value as the Collector's exporter writes it into Map(String, String); undefined where that is its own affair. */
function asText(value: Value | undefined): string | undefined {
  if (value === undefined || 'none' in value) return '';
  if ('string' in value) return value.string;
  if ('int' in value) return value.int.toString();
  if ('bool' in value) return String(value.bool);
  return undefined;
}

export type Verdict = 'charge' | 'rejected' | 'either' | 'none';
export interface Expected {
  readonly verdict: Verdict;
  readonly client: string | undefined;
  /** Exact, where it is a charge; undefined: not known to this model. */
  readonly cost: Fraction | null | undefined;
  readonly quantity: Fraction | undefined;
}

type Opinion = 'yes' | 'no' | 'maybe';

function decimalOpinion(raw: string | undefined, limit: bigint, whole: number): [Opinion, Fraction | undefined] {
  if (raw === undefined) return ['maybe', undefined];
  const value = readDecimal(raw);
  if (value !== undefined && new RegExp(`^[0-9]{1,${whole}}(\\.[0-9]{1,12})?$`).test(raw)) return ['yes', value];
  const possible =
    value !== undefined && value.n >= 0n && less(value, fraction(limit)) && decimalsOf(value, 12) !== undefined;
  return possible ? ['maybe', value] : ['no', undefined];
}

function versionOpinion(raw: string | undefined): Opinion {
  if (raw === undefined) return 'maybe';
  if (raw === '') return 'yes';
  if (/^[1-9][0-9]{0,18}$/.test(raw)) return 'yes';
  if (!/^[+]?[0-9]+$/.test(raw)) return 'no';
  const value = BigInt(raw);
  return value >= 1n && value < 2n ** 64n ? 'maybe' : 'no';
}

function idOpinion(raw: string | undefined): Opinion {
  if (raw === undefined) return 'no';
  if (!/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(raw)) return /^[0-9a-f]{32}$/i.test(raw) ? 'maybe' : 'no';
  if (/^[0-]+$/.test(raw)) return 'no';
  if (raw[14] !== '7') return 'yes';
  const nanos = BigInt(`0x${raw.slice(0, 8)}${raw.slice(9, 13)}`) * 1_000_000n;
  return timeOpinion(nanos);
}

/** Five years back and a day ahead; within an hour of the ends it is the clock's affair. */
function timeOpinion(nanos: bigint): Opinion {
  if (nanos < NOW - 1827n * DAY || nanos > NOW + DAY + DAY / 24n) return 'no';
  return nanos > NOW - 1825n * DAY && nanos < NOW + DAY - DAY / 24n ? 'yes' : 'maybe';
}

/** What the document makes of a record. */
export function expectedOf(record: Rec): Expected {
  const found = new Map(record.attributes);
  const raw = (key: string): string | undefined => asText(found.get(key));
  if (record.eventName !== 'client_cost.usage')
    return { verdict: 'none', client: undefined, cost: undefined, quantity: undefined };
  const rawCost = raw('cost.amount');
  const rawQuantity = raw('usage.quantity');
  const [costOpinion, cost] = rawCost === '' ? (['yes', null] as const) : decimalOpinion(rawCost, 1_000_000n, 6);
  const [quantityOpinion, quantity] =
    rawQuantity === '' ? (['yes', fraction(1n)] as const) : decimalOpinion(rawQuantity, 10n ** 15n, 15);
  const service = raw('usage.service');
  const { timeUnixNano: time, observedTimeUnixNano: observed } = record;
  const opinions: Opinion[] = [
    idOpinion(raw('usage.id')),
    versionOpinion(raw('usage.version')),
    service === undefined ? 'maybe' : service === '' ? 'no' : 'yes',
    // What has no time has the time at which it was seen.
    time === 0n ? (observed === 0n ? 'no' : 'yes') : timeOpinion(time),
    costOpinion,
    quantityOpinion,
  ];
  const verdict = opinions.includes('no') ? 'rejected' : opinions.includes('maybe') ? 'either' : 'charge';
  const client = raw('client.id');
  return { verdict, client: client === '' ? 'unattributed' : client, cost, quantity };
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** OTLP/JSON. */
export function jsonValue(value: Value): unknown {
  if ('string' in value) return { stringValue: value.string };
  if ('int' in value) return { intValue: value.int.toString() };
  if ('double' in value) return { doubleValue: value.double };
  if ('bool' in value) return { boolValue: value.bool };
  if ('bytes' in value) return { bytesValue: base64(value.bytes) };
  if ('list' in value) return { arrayValue: { values: value.list.map(jsonValue) } };
  if ('map' in value)
    return { kvlistValue: { values: value.map.map(([key, inner]) => ({ key, value: jsonValue(inner) })) } };
  return {};
}

const envelope = (logRecords: readonly unknown[]): unknown => ({
  resourceLogs: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: 'fuzz' } }] },
      scopeLogs: [{ scope: { name: 'fuzz' }, logRecords }],
    },
  ],
});

export function jsonRequest(list: readonly Rec[]): Buffer {
  const records = list.map((one) => ({
    timeUnixNano: String(one.timeUnixNano),
    observedTimeUnixNano: String(one.observedTimeUnixNano),
    eventName: one.eventName,
    attributes: one.attributes.map(([key, value]) => ({ key, value: jsonValue(value) })),
  }));
  return Buffer.from(JSON.stringify(envelope(records)));
}

function varint(n: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, n);
  do {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}
const field = (number: number, type: number): Buffer => varint(BigInt((number << 3) | type));
const block = (number: number, ...parts: Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([field(number, 2), varint(BigInt(body.length)), body]);
};
const fixed = (number: number, n: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, n));
  return Buffer.concat([field(number, 1), bytes]);
};

function protoValue(value: Value): Buffer {
  if ('string' in value) return block(1, Buffer.from(value.string));
  if ('bool' in value) return Buffer.concat([field(2, 0), varint(value.bool ? 1n : 0n)]);
  if ('int' in value) return Buffer.concat([field(3, 0), varint(value.int)]);
  if ('double' in value) {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value.double);
    return Buffer.concat([field(4, 1), bytes]);
  }
  if ('list' in value) return block(5, ...value.list.map((one) => block(1, protoValue(one))));
  if ('map' in value) return block(6, ...value.map.map(([key, inner]) => keyValue(1, key, inner)));
  return 'bytes' in value ? block(7, value.bytes) : Buffer.alloc(0);
}
const keyValue = (number: number, key: string, value: Value): Buffer =>
  block(number, block(1, Buffer.from(key)), block(2, protoValue(value)));

/** OTLP/protobuf: opentelemetry/proto/logs/v1/logs.proto. */
export function protoRequest(list: readonly Rec[]): Buffer {
  const records = list.map((one) =>
    block(
      2,
      fixed(1, one.timeUnixNano),
      fixed(11, one.observedTimeUnixNano),
      ...one.attributes.map(([key, value]) => keyValue(6, key, value)),
      block(12, Buffer.from(one.eventName)),
    ),
  );
  const scope = block(1, block(1, Buffer.from('fuzz')));
  return block(1, block(1, keyValue(1, 'service.name', text('fuzz'))), block(2, scope, ...records));
}
