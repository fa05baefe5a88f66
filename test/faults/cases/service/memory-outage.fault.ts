import { once } from 'node:events';
import { globSync, mkdirSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../../support/stack.ts';
import { startCaller, waitingFolders } from '../../support/caller.ts';
import type { Fault, FaultRun, Outcome } from '../../support/fault.ts';
import type { Stopped } from '../../support/service-outage.ts';
import { startProviders } from '../../support/service-providers.ts';
import type { Measured } from '../../support/service-soak.ts';
import { mib, Series } from '../../support/service-watch.ts';
import { startWorld } from '../../support/world.ts';

const RATE = 1000;
/** The heap with the 64 MiB that may wait in memory, which may not be full yet when it is first looked at. */
const FULL = 160 * 1024 ** 2;
/** Seconds that nobody takes events; OUTAGE_SECONDS for a trial. */
const secondsFor = (form: 'short' | 'long') => Number(process.env.OUTAGE_SECONDS ?? (form === 'long' ? 600 : 7));

interface Variant {
  readonly spoolBytes: number;
  /** Bytes of metadata in each event. */
  readonly pad?: number;
  /** Events have to be given up: more of them than disk and memory may hold. */
  readonly drops: boolean;
}

async function outage({ dir, form, log }: FaultRun, { spoolBytes, pad, drops }: Variant): Promise<Outcome> {
  const length = secondsFor(form) * 1000;
  const spoolDir = `${dir}/spool`;
  mkdirSync(spoolDir);
  const world = await startWorld({ dir, collector: true, proxies: true, log });
  const providers = await startProviders();
  const service = await startCaller({
    ...{ dir, spoolDir, standInUrl: providers.openaiUrl, ratePerSecond: RATE, nodeArgs: ['--expose-gc'] },
    script: new URL('../../support/service-outage.ts', import.meta.url).pathname,
    env: {
      ...world.serviceEnv(),
      ...providers.env(['chat']),
      ...(pad === undefined ? {} : { SERVICE_PAD: String(pad) }),
      CLIENT_COST_SPOOL_MAX_BYTES: String(spoolBytes),
      OTEL_METRIC_EXPORT_INTERVAL: '2000',
      OTEL_EXPORTER_OTLP_TIMEOUT: '3000',
      OTEL_LOG_LEVEL: 'error',
    },
  });
  const ask = async <T>(message: object): Promise<T> => {
    service.process.send(message);
    return ((await once(service.process, 'message')) as [T])[0];
  };
  try {
    world.toCollector.set({ kind: 'cut' });
    const memory = new Series();
    const heap = new Series();
    const files = new Series();
    const begun = Date.now();
    // A busy machine takes longer for as many events.
    let end = begun + length;
    const enough = () => recordedSoFar >= (length / 1000) * RATE || Date.now() > begun + 6 * length;
    let recordedSoFar = 0;
    for (let half = false; Date.now() < end || !enough(); end = Math.max(end, Date.now())) {
      // Refused at first, then taken and never answered.
      if (!half && Date.now() > begun + length / 2) {
        half = true;
        world.toCollector.set({ kind: 'halfOpen' });
      }
      await sleep(Math.min(5000, length / 25));
      const now = await ask<Measured>({ measure: true });
      memory.add(now.rss);
      recordedSoFar = now.recorded ?? 0;
      heap.add(now.heap);
      files.add(now.files);
    }
    const { recorded, calls, failed, stall } = await ask<Stopped>({ stop: true });
    const waiting = globSync('**/*.seg', { cwd: spoolDir })
      .filter((file) => !file.startsWith('sent'))
      .reduce((sum, file) => sum + statSync(`${spoolDir}/${file}`).size, 0);
    log(`${recorded} recorded, ${calls} calls, ${mib(waiting)} MiB in the spool`);

    world.toCollector.set({ kind: 'pass' });
    const back = Date.now();
    const made = recorded + calls;
    // In the ledger, or counted as dropped.
    const count = async () => {
      const [row] = await world.query<{ n: number; distinct: number; dropped: number }>(`
        SELECT (SELECT count() FROM usage_events_current) AS n,
          (SELECT uniqExact(flow_execution_id) FROM usage_events) AS distinct,
          (SELECT toUInt64(max(Value)) FROM otel_metrics_sum WHERE MetricName = 'client_cost.spool.dropped') AS dropped`);
      return row!;
    };
    const accounted = async () => {
      await sleep(Math.max(500, made / 100));
      const { distinct, dropped } = await count();
      return distinct + dropped >= made ? true : undefined;
    };
    await eventually('everything has arrived', accounted, 150 + made / 1000).catch((error) => log(String(error)));
    const arrived = Date.now() - back;
    const empty = async () => (waitingFolders(spoolDir).length <= 1 ? true : undefined);
    await eventually('the spool is empty', empty, 60);
    await service.stop();
    await world.settle();
    const { n, distinct, dropped } = await count();
    log(`${made} made, ${n} charges of ${distinct} events, ${dropped} dropped`);

    const wrong = failed.map((line) => `a call failed: ${line}`);
    const between = (series: Series, from: number, to: number) =>
      series.median(begun + (end - begun) * from, begun + (end - begun) * to);
    const flat = (name: string, series: Series, most: (early: number) => number, show: (value: number) => string) => {
      const [early, late] = [between(series, 0.5, 0.65), between(series, 0.85, 1.01)];
      const shown = `${name} ${show(early)} → ${show(late)}`;
      if (!(late <= most(early))) wrong.push(`not flat: ${shown}`);
      return shown;
    };
    const shown = [
      flat(
        'memory',
        memory,
        (early) => Math.max(early * 1.2 + 24 * 1024 ** 2, drops ? 2.5 * FULL : 0),
        (value) => `${mib(value)} MiB`,
      ),
      flat(
        'heap',
        heap,
        (early) => Math.max(early * 1.1 + 6 * 1024 ** 2, drops ? FULL : 0),
        (value) => `${mib(value)} MiB`,
      ),
      // A file of the spool is 8 MiB long.
      flat('files', files, (early) => early + waiting / 8 / 1024 ** 2 + 6, String),
    ];
    if (form === 'long' && end - begun > length * 1.25)
      wrong.push(`${recorded} events took ${Math.round((end - begun) / 1000)} s: not the load that was promised`);
    if (drops && dropped === 0) wrong.push('nothing was dropped: the bound was not reached');
    if (!drops && dropped > 0) wrong.push(`${dropped} dropped`);
    if (drops && !/LOST/.test(service.said())) wrong.push('what was dropped was not said');
    if (waiting > spoolBytes * 1.1 + 20_000) wrong.push(`the spool holds ${waiting} bytes, more than ${spoolBytes}`);
    const remark =
      `${recorded} events in ${Math.round((end - begun) / 1000)} s: ${shown.join(', ')} (highest ${mib(memory.highest)} MiB), spool ${mib(waiting)} MiB, ` +
      `${drops ? `${dropped} dropped and counted, ` : ''}the rest arrived in ${Math.round(arrived / 1000)} s; longest stall ${stall} ms`;
    return { tries: 1, events: made, lost: Math.abs(made - dropped - distinct), doubled: n - distinct, wrong, remark };
  } finally {
    service.kill('SIGKILL');
    await world.close();
    await providers.close();
  }
}

const faults: Fault[] = [
  {
    id: 'memory-outage',
    hop: 'service',
    fault: 'the Collector is away for ten minutes, at 1,000 events a second',
    promises: ['memory-bounded', 'delivery-outage', 'spool-bounded'],
    times: { short: 1, long: 1 },
    timeoutSeconds: 1800,
    collector: true,
    run: (run) => outage(run, { spoolBytes: 4 * 1024 ** 3, drops: false }),
  },
  {
    id: 'memory-outage-bound',
    hop: 'service',
    fault: 'the same with a spool of 1 MiB: memory fills up, then events are given up, counted and said',
    promises: ['memory-bounded', 'spool-bounded'],
    times: { short: 0, long: 1 },
    timeoutSeconds: 1800,
    collector: true,
    // A trial in the short form has long events, so that the 64 MiB of memory are full after a few seconds.
    run: (run) => outage(run, { spoolBytes: 1024 ** 2, drops: true, ...(run.form === 'short' ? { pad: 15_000 } : {}) }),
  },
];
export default faults;
