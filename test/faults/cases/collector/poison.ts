import { randomUUID } from 'node:crypto';
import type { Random } from '../../support/fault.ts';
import type { Signal, Tree } from './otlp-wire.ts';

export interface Poison {
  readonly name: string;
  readonly signal: Signal;
  readonly tree: Tree;
}

const now = () => BigInt(Date.now()) * 1_000_000n;
const MAX64 = 2n ** 64n - 1n;
const text = (value: unknown): Tree => ({ stringValue: value });
const pair = (key: unknown, value: Tree): Tree => ({ key, value });
const broken = Buffer.from([0x61, 0xff, 0xfe, 0xc3, 0x28, 0x00, 0x62]);

function nested(depth: number): Tree {
  let value: Tree = { kvlistValue: { values: [pair('deep', text('x'))] } };
  for (let i = 0; i < depth; i++)
    value = i % 2 ? { kvlistValue: { values: [pair(`k${i}`, value)] } } : { arrayValue: { values: [value, {}] } };
  return value;
}

/** Values of every type of OTLP, the usual and the unusual. */
export const VALUES: readonly (readonly [string, () => Tree])[] = [
  ['a text', () => text('plain')],
  ['an empty text', () => text('')],
  ['NUL and controls', () => text('a\0b\x01\x1b[31m\r\n\t')],
  ['lone surrogates', () => text('\ud800 \udfff')],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: hostile on purpose
  ['quotes and SQL', () => text("'); DROP TABLE usage_events; -- \\' ` \" ${x}")],
  ['invalid UTF-8', () => text(broken)],
  ['1 MB', () => text('x'.repeat(1_000_000))],
  ['bytes', () => ({ bytesValue: Buffer.from([0, 1, 2, 255]) })],
  ['nothing', () => ({})],
  ['the largest integer', () => ({ intValue: 2n ** 63n - 1n })],
  ['the smallest integer', () => ({ intValue: -(2n ** 63n) })],
  ['NaN', () => ({ doubleValue: Number.NaN })],
  ['infinity', () => ({ doubleValue: Number.NEGATIVE_INFINITY })],
  ['a huge number', () => ({ doubleValue: 1.7976931348623157e308 })],
  ['true', () => ({ boolValue: true })],
  ['an empty list', () => ({ arrayValue: {} })],
  ['a mixed list', () => ({ arrayValue: { values: [text('a'), { intValue: 1n }, {}, { doubleValue: Number.NaN }] } })],
  ['an empty map', () => ({ kvlistValue: {} })],
  ['a deep map', () => nested(40)],
];

export const TIMES: readonly bigint[] = [
  0n,
  1n,
  now(),
  2n ** 63n - 1n,
  2n ** 63n,
  MAX64,
  -1n,
  // 1900, 2262, 2299 and the last day of ClickHouse's Date
  -2_208_988_800_000_000_000n,
  9_223_372_036_000_000_000n,
  10_413_791_999_000_000_000n,
  5_662_310_399_000_000_000n,
];
const NUMBERS = [
  0,
  -0,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  5e-324,
  1.7976931348623157e308,
];
const IDS = ['', '00', '0'.repeat(32), 'f'.repeat(31), 'f'.repeat(32), 'f'.repeat(16), '0'.repeat(16), 'ab'.repeat(40)];
const NAMES = ['', ' ', 'a name', 'é'.repeat(300), 'x'.repeat(100_000), 'a\0b', broken];

const resource = { attributes: [pair('service.name', text('poison'))] };
export const logs = (records: readonly Tree[], from: Tree = resource): Tree => ({
  resourceLogs: [{ resource: from, scopeLogs: [{ scope: { name: 'poison' }, logRecords: records }] }],
});
export const traces = (spans: readonly Tree[], from: Tree = resource): Tree => ({
  resourceSpans: [{ resource: from, scopeSpans: [{ scope: { name: 'poison' }, spans }] }],
});
export const metrics = (list: readonly Tree[], from: Tree = resource): Tree => ({
  resourceMetrics: [{ resource: from, scopeMetrics: [{ scope: { name: 'poison' }, metrics: list }] }],
});

/** A usage event; `extra` may repeat a key, which is then there twice. */
export function usage(client: string, extra: readonly Tree[] = [], fields: Tree = {}): Tree {
  const attributes = [
    ['usage.id', randomUUID()],
    ['client.id', client],
    ['usage.service', 'openai'],
    ['usage.operation', 'chat_completion'],
    ['usage.external_id', `call-${randomUUID()}`],
    ['cost.amount', '0.000027'],
    ['cost.source', 'price_book'],
  ].map(([key, value]) => pair(key, text(value)));
  return { timeUnixNano: now(), eventName: 'client_cost.usage', attributes: [...attributes, ...extra], ...fields };
}
export const span = (fields: Tree = {}): Tree => ({
  traceId: '5b8efff798038103d269b633813fc60c',
  spanId: 'eee19b7ec3c1b174',
  name: 'poison',
  startTimeUnixNano: now(),
  endTimeUnixNano: now(),
  ...fields,
});
export const gauge = (fields: Tree = {}, point: Tree = {}): Tree => ({
  name: 'poison',
  gauge: { dataPoints: [{ timeUnixNano: now(), asDouble: 1, ...point }] },
  ...fields,
});

/** Every poison that is known by name. */
export function named(): Poison[] {
  const list: Poison[] = [];
  const add = (name: string, signal: Signal, tree: Tree) => list.push({ name, signal, tree });
  const many = Array.from({ length: 10_000 }, (_, i) => pair(`attribute.${i}`, text(`${i}`)));
  for (const [name, value] of VALUES) {
    add(
      `usage event with ${name}`,
      'logs',
      logs([usage('poison', [pair('usage.metadata', value()), pair(name, value())])]),
    );
    add(
      `usage event whose amounts are ${name}`,
      'logs',
      logs([
        usage(
          'poison',
          ['usage.id', 'client.id', 'cost.amount', 'usage.quantity', 'usage.version', 'gen_ai.usage.input_tokens'].map(
            (key) => pair(key, value()),
          ),
        ),
      ]),
    );
    add(
      `log with ${name}`,
      'logs',
      logs([{ body: value(), attributes: [pair('v', value())] }], { attributes: [pair('service.name', value())] }),
    );
    add(
      `span with ${name}`,
      'traces',
      traces(
        [
          span({
            attributes: [pair('v', value())],
            events: [{ name: 'e', attributes: [pair('v', value())] }],
            links: [{ traceId: '00', attributes: [pair('v', value())] }],
          }),
        ],
        { attributes: [pair('service.name', value())] },
      ),
    );
    add(
      `metric with ${name}`,
      'metrics',
      metrics([gauge({}, { attributes: [pair('v', value())] })], { attributes: [pair('service.name', value())] }),
    );
  }
  for (const time of TIMES) {
    add(`usage event of ${time}`, 'logs', logs([usage('poison', [], { timeUnixNano: time })]));
    add(`log of ${time}`, 'logs', logs([{ timeUnixNano: time, observedTimeUnixNano: time, body: text('x') }]));
    add(
      `span of ${time}`,
      'traces',
      traces([
        span({ startTimeUnixNano: time, endTimeUnixNano: 0n, events: [{ timeUnixNano: time, name: 'e' }] }),
        span({ startTimeUnixNano: MAX64, endTimeUnixNano: time }),
      ]),
    );
    add(
      `metric of ${time}`,
      'metrics',
      metrics([
        gauge({}, { timeUnixNano: time, startTimeUnixNano: time, exemplars: [{ timeUnixNano: time, asDouble: 1 }] }),
      ]),
    );
  }
  for (const name of NAMES) {
    const short = String(name).slice(0, 12);
    add(`event called ${short}`, 'logs', logs([{ eventName: name, severityText: name, body: text('x') }]));
    add(
      `span called ${short}`,
      'traces',
      traces([span({ name, traceState: name, status: { message: name, code: 77 }, kind: 99 })]),
    );
    add(`metric called ${short}`, 'metrics', metrics([gauge({ name, unit: name, description: name })]));
    add(`attribute called ${short}`, 'logs', logs([usage('poison', [pair(name, text('x')), pair(name, text('y'))])]));
  }
  for (const id of IDS) {
    add(
      `log with the trace ${id}`,
      'logs',
      logs([usage('poison', [], { traceId: id, spanId: id, flags: 0xffffffff, severityNumber: 4_000_000_000 })]),
    );
    add(
      `span ${id}`,
      'traces',
      traces([span({ traceId: id, spanId: id, parentSpanId: id, links: [{ traceId: id, spanId: id }] })]),
    );
  }
  for (const value of NUMBERS) {
    const point = { timeUnixNano: now(), count: 3n, sum: value, min: value, max: value };
    add(`gauge ${value}`, 'metrics', metrics([gauge({}, { asDouble: value, exemplars: [{ asDouble: value }] })]));
    add(
      `sum ${value}`,
      'metrics',
      metrics([
        { name: 's', sum: { dataPoints: [{ asDouble: value }], aggregationTemporality: 9, isMonotonic: true } },
      ]),
    );
    add(
      `histogram ${value}`,
      'metrics',
      metrics([
        {
          name: 'h',
          histogram: {
            dataPoints: [{ ...point, bucketCounts: [1n, MAX64], explicitBounds: [value, value, value] }],
            aggregationTemporality: 0,
          },
        },
      ]),
    );
    add(
      `summary ${value}`,
      'metrics',
      metrics([
        {
          name: 'q',
          summary: {
            dataPoints: [
              { ...{ timeUnixNano: now(), count: MAX64, sum: value }, quantileValues: [{ quantile: value, value }] },
            ],
          },
        },
      ]),
    );
    for (const scale of [0, -10, 20, 2_147_483_647, -2_147_483_648])
      add(
        `exponential histogram of scale ${scale}, ${value}`,
        'metrics',
        metrics([
          {
            name: 'e',
            exponentialHistogram: {
              dataPoints: [
                {
                  ...point,
                  scale,
                  zeroCount: MAX64,
                  positive: { offset: scale, bucketCounts: [1n, MAX64] },
                  negative: {},
                },
              ],
              aggregationTemporality: 1,
            },
          },
        ]),
      );
  }
  for (const kind of ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'] as const) {
    add(`${kind} without points`, 'metrics', metrics([{ name: 'n', [kind]: {} }]));
    add(`${kind} with an empty point`, 'metrics', metrics([{ name: 'n', [kind]: { dataPoints: [{}] } }]));
  }
  add('metric of no type', 'metrics', metrics([{ name: 'none' }, gauge()]));
  add('metric of nothing', 'metrics', metrics([{}]));
  add('metric of two types', 'metrics', metrics([gauge({ sum: { dataPoints: [{}] } })]));
  add('log of nothing', 'logs', logs([{}]));
  add('span of nothing', 'traces', traces([{}]));
  add('nothing at all', 'logs', {});
  add('no resource', 'traces', { resourceSpans: [{ scopeSpans: [{ spans: [span()] }] }] });
  add('empty scopes', 'metrics', { resourceMetrics: [{}, { scopeMetrics: [{}] }] });
  add('10,000 attributes of a log', 'logs', logs([{ attributes: many }]));
  add('10,000 attributes of a usage event', 'logs', logs([usage('poison', many)]));
  add('10,000 attributes of a span', 'traces', traces([span({ attributes: many })]));
  add('10,000 attributes of a metric', 'metrics', metrics([gauge({}, { attributes: many })]));
  add('10,000 attributes of a resource', 'logs', logs([usage('poison')], { attributes: many }));
  add('a usage event of 5 MB', 'logs', logs([usage('poison', [pair('usage.metadata', text('x'.repeat(5_000_000)))])]));
  add('a span of 5 MB', 'traces', traces([span({ name: 'x'.repeat(5_000_000) })]));
  add(
    'one batch with events of 150 days',
    'logs',
    logs(
      Array.from({ length: 150 }, (_, i) =>
        usage('poison', [], { timeUnixNano: now() - BigInt(i) * 86_400_000_000_000n }),
      ),
    ),
  );
  add('a map 300 deep', 'logs', logs([{ body: nested(300) }]));
  return list;
}

/** One request of random parts. */
export function random(from: Random): Poison {
  const value = () => from.pick(VALUES)[1]();
  const attributes = () =>
    Array.from({ length: from.int(0, 6) }, () =>
      pair(from.pick([...NAMES, 'usage.id', 'client.id', 'cost.amount', 'service.name', 'usage.version']), value()),
    );
  const time = () => from.pick(TIMES);
  const id = () => from.pick(IDS);
  const base = { attributes: attributes() };
  const signal = from.pick(['logs', 'traces', 'metrics'] as const);
  const name = `random ${signal}`;
  const list = (one: () => Tree) => Array.from({ length: from.int(1, 5) }, one);
  if (signal === 'logs') {
    const one = () =>
      from.int(0, 1)
        ? usage('poison', attributes(), { timeUnixNano: time() })
        : {
            timeUnixNano: time(),
            eventName: from.pick(NAMES),
            body: value(),
            attributes: attributes(),
            traceId: id(),
            spanId: id(),
          };
    return { name, signal, tree: logs(list(one), base) };
  }
  if (signal === 'traces') {
    const one = () =>
      span({
        traceId: id(),
        spanId: id(),
        name: from.pick(NAMES),
        startTimeUnixNano: time(),
        endTimeUnixNano: time(),
        attributes: attributes(),
        events: [{ timeUnixNano: time(), attributes: attributes() }],
      });
    return { name, signal, tree: traces(list(one), base) };
  }
  const point = () => ({ timeUnixNano: time(), startTimeUnixNano: time(), attributes: attributes() });
  const one = (): Tree =>
    from.pick([
      () => ({ name: from.pick(NAMES) }),
      () => gauge({ name: from.pick(NAMES) }, { ...point(), asDouble: from.pick(NUMBERS) }),
      () => ({
        name: 's',
        sum: { dataPoints: [{ ...point(), asInt: from.pick(TIMES) }], aggregationTemporality: from.int(0, 3) },
      }),
      () => ({
        name: 'h',
        histogram: {
          dataPoints: [
            {
              ...point(),
              count: 1n,
              sum: from.pick(NUMBERS),
              bucketCounts: [MAX64],
              explicitBounds: [from.pick(NUMBERS), 1],
            },
          ],
        },
      }),
      () => ({
        name: 'e',
        exponentialHistogram: {
          dataPoints: [
            {
              ...point(),
              scale: from.int(-2_000_000_000, 2_000_000_000),
              positive: { offset: from.int(-9, 9), bucketCounts: [1n] },
            },
          ],
        },
      }),
      () => ({
        name: 'q',
        summary: {
          dataPoints: [{ ...point(), sum: from.pick(NUMBERS), quantileValues: [{ quantile: from.pick(NUMBERS) }] }],
        },
      }),
    ])();
  return { name, signal, tree: metrics(list(one), base) };
}
