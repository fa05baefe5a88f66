import { closeSync, ftruncateSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { collectorMetric, eventually } from '../../../support/stack.ts';
import { drainSpool } from '../../support/caller.ts';
import type { Fault, FaultRun, Outcome, Random } from '../../support/fault.ts';
import { startProviders } from '../../support/service-providers.ts';
import { compareCalls } from '../../support/service-truth.ts';
import { startWorld, type World } from '../../support/world.ts';
import { resend } from './resend.ts';

/** What a disk may do to the file that holds the usage events. */
const DAMAGES: Readonly<Record<string, (path: string, random: Random) => void>> = {
  removed: (path) => rmSync(path),
  emptied: (path) => writeInto(path, (file) => ftruncateSync(file, 0)),
  truncated: (path, random) => writeInto(path, (file) => ftruncateSync(file, random.int(1, statSync(path).size - 1))),
  'other headers': (path, random) => writeInto(path, (file) => writeSync(file, noise(random, 8192), 0, 8192, 0)),
  'blocks of noise': (path, random) =>
    writeInto(path, (file) => {
      for (let n = random.int(1, 8); n > 0; n--)
        writeSync(file, noise(random, 4096), 0, 4096, 4096 * random.int(2, Math.floor(statSync(path).size / 4096) - 1));
    }),
  'blocks of nothing': (path, random) =>
    writeInto(path, (file) => {
      for (let n = random.int(1, 8); n > 0; n--)
        writeSync(file, Buffer.alloc(4096), 0, 4096, 4096 * random.int(2, Math.floor(statSync(path).size / 4096) - 1));
    }),
};

function writeInto(path: string, write: (file: number) => void): void {
  const file = openSync(path, 'r+');
  write(file);
  closeSync(file);
}
const noise = (random: Random, bytes: number) => Buffer.from(Array.from({ length: bytes }, () => random.int(0, 255)));

/** What docs/operations.md tells an operator to do: start it, and where it does not start or does not empty its queue, move the queue away. */
async function bringBack(world: World): Promise<'kept' | 'moved away'> {
  try {
    await world.startCollector();
    world.toClickHouse.set({ kind: 'pass' });
    await world.settle(10);
    return 'kept';
  } catch {
    await world.stopCollector('kill').catch(() => {});
    await world.startCollector({ queue: 'lost' });
    world.toClickHouse.set({ kind: 'pass' });
    return 'moved away';
  }
}

async function run({ dir, times, random, log }: FaultRun, damages: readonly string[]): Promise<Outcome> {
  const world = await startWorld({ dir, collector: true, proxies: true, log });
  const providers = await startProviders();
  const spoolDir = join(dir, 'spool');
  const env = { ...world.serviceEnv(), CLIENT_COST_FLUSH_INTERVAL_MS: '50' };
  const caller = await providers.start({ dir, spoolDir, env, ratePerSecond: 80, kinds: ['chat'] });
  const counts = { kept: 0, 'moved away': 0 };
  try {
    const order = random.shuffle(damages);
    for (let i = 0; i < times; i++) {
      const damage = order[i % order.length]!;
      const begun = Date.now();
      world.toClickHouse.set({ kind: 'cut' });
      const queued = async () =>
        (await collectorMetric(world.metricsUrl, 'otelcol_exporter_queue_size')) > 60 ? true : undefined;
      await eventually('events wait in the queue', queued);
      await world.stopCollector('kill');
      DAMAGES[damage]!(join(world.queueDir, 'exporter_clickhouse_usage_logs'), random);
      const became = await bringBack(world);
      counts[became]++;
      // A minute more than the try: what was acknowledged before it began may still have been in the queue.
      log(`${damage}: the queue was ${became}; ${await resend(spoolDir, begun - 60_000, env)}`);
    }
    await caller.stop();
    await drainSpool(spoolDir, env);
    const acknowledged = caller.acknowledged;
    const { lost, doubled, wrong, resent } = await compareCalls(world, acknowledged, providers.served());
    const remark = `${counts.kept} started with it, ${counts['moved away']} after it was moved away; ${resent} rows came again`;
    return {
      tries: times,
      events: acknowledged.length,
      lost,
      doubled,
      wrong: [...wrong, ...caller.failed.slice(0, 3)],
      remark,
    };
  } finally {
    caller.kill('SIGKILL');
    await providers.close();
    await world.close();
  }
}

const lost: Fault = {
  id: 'collector-queue-lost',
  hop: 'collector',
  fault: 'Collector killed and its queue lost while ClickHouse is away; then client-cost-spool resend',
  promises: ['collector-queue-lost'],
  times: { short: 1, long: 5 },
  collector: true,
  run: (context) => run(context, ['removed']),
};

const damaged: Fault = {
  id: 'collector-queue-damaged',
  hop: 'collector',
  fault:
    'the Collector’s queue file truncated, overwritten or with lost blocks; moved away where it does not start; then client-cost-spool resend',
  promises: ['collector-queue-lost'],
  times: { short: 1, long: 15 },
  collector: true,
  run: (context) => run(context, Object.keys(DAMAGES).slice(1)),
};

export default [lost, damaged];
