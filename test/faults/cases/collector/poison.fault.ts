import { randomUUID } from 'node:crypto';
import { collectorMetric, eventually } from '../../../support/stack.ts';
import type { Fault } from '../../support/fault.ts';
import { startWorld, type World } from '../../support/world.ts';
import { gauge, logs, metrics, named, type Poison, random, span, traces, usage } from './poison.ts';
import { post } from './send.ts';

/** Refused for good is as well as taken: it holds nothing up. */
const SETTLED = new Set([200, 400, 413, 415, 422]);
const GROUP = 12;

/** One healthy event of each signal; what of them is not in ClickHouse within seconds. */
async function healthy(world: World): Promise<string[]> {
  const mark = randomUUID();
  const attributes = [{ key: 'mark', value: { stringValue: mark } }];
  const trees = {
    logs: logs([usage(mark)]),
    traces: traces([span({ attributes })]),
    metrics: metrics([gauge({}, { attributes })]),
  } as const;
  for (const [signal, tree] of Object.entries(trees)) {
    const { status, text } = await post(world.otlpUrl, signal as keyof typeof trees, tree);
    if (status !== 200) return [`a healthy request was answered ${status} ${text.slice(0, 100)}`];
  }
  const counts = async () =>
    (
      await world.query<Record<string, number>>(`SELECT
        (SELECT count() FROM usage_events_current WHERE client_id = '${mark}') AS usage,
        (SELECT count() FROM otel_traces WHERE SpanAttributes['mark'] = '${mark}') AS span,
        (SELECT count() FROM otel_metrics_gauge WHERE Attributes['mark'] = '${mark}') AS metric`)
    )[0]!;
  const missing = async () => Object.entries(await counts()).flatMap(([name, n]) => (n === 0 ? [name] : []));
  const arrived = async () => ((await missing()).length === 0 ? true : undefined);
  // A batch that fails for ever leaves the other workers free: only the queue tells.
  const empty = async () =>
    (await collectorMetric(world.metricsUrl, 'otelcol_exporter_queue_size')) === 0 ? true : undefined;
  try {
    await eventually('arrived', arrived, 20);
  } catch {
    return missing();
  }
  return eventually('empty', empty, 30).then(
    () => [],
    () => ['the queue is held up'],
  );
}

/** A request that the Collector refuses with 500, because what is wrong with it cannot be said in UTF-8. OTLP: not to be sent again. */
const UNSPEAKABLE = /failed to marshal error message/;

const fault: Fault = {
  id: 'collector-poison',
  hop: 'collector',
  fault:
    'hostile payloads in protobuf and JSON: every type, size, time, number and id that OTLP can carry, and random mixtures',
  promises: ['collector-poison'],
  times: { short: 48, long: 2400 },
  collector: true,
  async run({ dir, times, random: from, log }) {
    const said: string[] = [];
    const world = await startWorld({ dir, collector: true, log: (line) => said.push(line) });
    const encodings = ['protobuf', 'json'] as const;
    const known = encodings.flatMap((encoding) => named().map((poison) => ({ poison, encoding })));
    const list = from.shuffle(known).slice(0, Math.ceil((times * 2) / 3));
    while (list.length < times) list.push({ poison: random(from), encoding: from.pick(encodings) });
    let lost = 0;
    let checks = 0;
    let refused = 0;
    const wrong: string[] = [];
    try {
      for (let i = 0; i < list.length && wrong.length < 10; i += GROUP) {
        const group = list.slice(i, i + GROUP);
        const send = ({ poison, encoding }: { poison: Poison; encoding: 'json' | 'protobuf' }) =>
          post(world.otlpUrl, poison.signal, poison.tree, encoding);
        for (const one of group) {
          const { status, text } = await send(one);
          if (status !== 200) refused++;
          if (!SETTLED.has(status) && !UNSPEAKABLE.test(text))
            wrong.push(`${one.poison.name} (${one.encoding}) was answered ${status} ${text.slice(0, 80)}`);
        }
        const missing = await healthy(world);
        checks++;
        if (missing.length === 0) continue;
        lost += missing.length;
        const names = group.map(({ poison, encoding }) => `${poison.name} (${encoding})`).join(', ');
        wrong.push(
          `${missing.join(', ')} did not arrive after ${names}; the Collector said ${said.slice(-2).join(' | ').slice(0, 500)}`,
        );
        log(wrong.at(-1)!);
        await world.stopCollector('kill');
        await world.startCollector({ queue: 'lost' });
      }
      if (said.some((line) => line.includes('panic'))) wrong.push('the Collector panicked');
      return {
        tries: list.length,
        events: checks * 3,
        lost,
        doubled: 0,
        wrong,
        remark: `${refused} refused for good, the rest stored`,
      };
    } finally {
      await world.close();
    }
  },
};
export default fault;
