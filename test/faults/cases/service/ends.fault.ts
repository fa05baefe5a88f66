import { globSync, readFileSync, utimesSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../../support/stack.ts';
import { type Caller, drainSpool } from '../../support/caller.ts';
import type { Fault, FaultRun, Random } from '../../support/fault.ts';
import type { End } from '../../support/service-ends.ts';
import { type ServiceOptions, startProviders } from '../../support/service-providers.ts';
import { type CallsCompared, compareCalls } from '../../support/service-truth.ts';
import { startWorld, type World } from '../../support/world.ts';

interface Try {
  readonly random: Random;
  readonly world: World;
  readonly spoolDir: string;
  readonly env: Record<string, string>;
  start(options?: Partial<ServiceOptions>): Promise<Caller>;
  /** Ledger against truth so far, for ends after which nobody new may start. */
  compare(): Promise<CallsCompared>;
}

const support = (name: string) => new URL(`../../support/${name}`, import.meta.url).pathname;

/** Ends by itself, as the parent says, some calls later; how it has to end. */
const byItself =
  (end: End, how: readonly (number | string)[], options: Partial<ServiceOptions> = {}) =>
  async ({ random, start }: Try): Promise<string[]> => {
    const caller = await start(options);
    await caller.until(random.int(5, 120));
    caller.process.send({ end });
    const ended = await caller.ended;
    return how.includes(ended) ? [] : [`it ended with ${ended}: ${caller.said().slice(-300)}`];
  };

interface EndCase {
  readonly fault: string;
  readonly short: number;
  readonly long: number;
  /** What is wrong beside the ledger. */
  readonly run: (run: Try) => Promise<string[] | undefined>;
}

const ENDS: Readonly<Record<string, EndCase>> = {
  'end-sigterm': {
    fault: 'SIGTERM under load, the service has no handler',
    short: 1,
    long: 10,
    async run({ random, start }) {
      const caller = await start({ env: { SERVICE_SIGTERM: 'default' } });
      await caller.until(random.int(5, 120));
      caller.kill('SIGTERM');
      const ended = await caller.ended;
      return ended === 'SIGTERM' ? [] : [`it ended with ${ended}`];
    },
  },
  'end-exit': { fault: 'process.exit() with events pending', short: 1, long: 10, run: byItself('exit', [3]) },
  'end-exception': { fault: 'an uncaught exception', short: 1, long: 10, run: byItself('throw', [1]) },
  'end-rejection': { fault: 'an unhandled rejection', short: 0, long: 10, run: byItself('reject', [1]) },
  'end-abort': { fault: 'process.abort()', short: 0, long: 5, run: byItself('abort', ['SIGABRT', 134]) },
  'end-out-of-memory': {
    fault: 'the heap is full and V8 gives up',
    short: 1,
    long: 5,
    run: byItself('memory', ['SIGABRT', 'SIGTRAP', 134, 133], { nodeArgs: ['--max-old-space-size=90'] }),
  },
  'end-drain-killed': {
    fault: 'process.exit(), and the child that sends what is left is killed',
    short: 1,
    long: 10,
    async run({ random, start, world }) {
      world.toClickHouse.set({ kind: 'halfOpen' });
      const caller = await start();
      await caller.until(random.int(5, 120));
      caller.process.send({ end: 'exit' });
      const child = await eventually('the child that sends', async () => childOf(caller.pid), 15);
      await sleep(random.int(0, 200));
      process.kill(child, 'SIGKILL');
      world.toClickHouse.set({ kind: 'pass' });
      await caller.ended;
      return [];
    },
  },
  'end-worker-terminated': {
    fault: 'worker.terminate() under load',
    short: 1,
    long: 10,
    async run({ random, start }) {
      const caller = await start({ script: support('service-group.ts'), env: { SERVICE_GROUP: 'worker' } });
      await caller.until(random.int(5, 120));
      caller.process.send({ end: 'terminate' });
      await caller.ended;
      return [];
    },
  },
  'cluster-worker-killed': {
    fault: 'a cluster worker is killed; the other takes over what it left, without a restart',
    short: 0,
    long: 3,
    async run({ random, start, world, compare }) {
      world.toClickHouse.set({ kind: 'cut' });
      const env = { SERVICE_GROUP: 'cluster', CALLER_RATE: '60' };
      const caller = await start({ script: support('service-group.ts'), env });
      await caller.until(random.int(60, 200));
      process.kill(random.pick((caller.first as { pids: number[] }).pids), 'SIGKILL');
      world.toClickHouse.set({ kind: 'pass' });
      return takenOver(caller, compare);
    },
  },
  'neighbour-takes-over': {
    fault: 'a process is killed and never comes back; a neighbour that lives takes over, without a restart',
    short: 0,
    long: 2,
    async run({ random, start, world, compare }) {
      const neighbour = await start({ ratePerSecond: 10 });
      await neighbour.until(5);
      world.toClickHouse.set({ kind: 'cut' });
      const caller = await start();
      await caller.until(random.int(60, 200));
      caller.kill('SIGKILL');
      await caller.ended;
      world.toClickHouse.set({ kind: 'pass' });
      return takenOver(neighbour, compare);
    },
  },
  'stopped-and-continued': {
    fault: 'SIGSTOP until a neighbour takes the process for dead and takes over, then SIGCONT',
    short: 1,
    long: 10,
    async run({ random, start, world, spoolDir, env }) {
      world.toClickHouse.set({ kind: 'cut' });
      const caller = await start({ nodeArgs: ['--require', support('service-other-host.cjs')] });
      await caller.until(random.int(20, 120));
      caller.kill('SIGSTOP');
      // As if it had been so for an hour.
      const age = () => {
        const hour = new Date(Date.now() - 3_600_000);
        for (const folder of globSync('w-*', { cwd: spoolDir })) utimesSync(`${spoolDir}/${folder}`, hour, hour);
      };
      age();
      world.toClickHouse.set({ kind: 'pass' });
      // Who was stopped for long knows it by its clock: longer than a process may go without looking for its folder (1 s).
      await Promise.all([drainSpool(spoolDir, env), sleep(1_500)]);
      caller.kill('SIGCONT');
      await caller.until(caller.acknowledged.length + random.int(5, 50));
      if (random.next() < 0.5) await caller.stop();
      else caller.kill('SIGKILL');
      await caller.ended;
      // The folder that it began anew.
      age();
      return [];
    },
  },
};

/** Everything acknowledged has arrived while the survivor lives. */
async function takenOver(survivor: Caller, compare: () => Promise<CallsCompared>): Promise<string[]> {
  // It looks for dead ones every 30 s; until then its own calls would hide what is missing.
  await sleep(1000);
  const { lost } = await compare();
  survivor.kill('SIGTERM');
  await survivor.ended;
  return lost === 0 ? [] : [`${lost} events were not taken over`];
}

/** The child process of one, while it has one. */
async function childOf(pid: number): Promise<number | undefined> {
  for (const path of globSync('/proc/[0-9]*/stat')) {
    try {
      const stat = readFileSync(path, 'latin1');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      if (parent === pid) return Number.parseInt(stat, 10);
    } catch {
      // gone meanwhile
    }
  }
  return undefined;
}

async function runEnd({ dir, times, random, log }: FaultRun, end: EndCase) {
  const world = await startWorld({ dir, proxies: true, log });
  const providers = await startProviders();
  const spoolDir = `${dir}/spool`;
  const env = world.serviceEnv();
  const callers: Caller[] = [];
  const wrong: string[] = [];
  const acknowledged = () => callers.flatMap((caller) => caller.acknowledged);
  try {
    for (let i = 0; i < times; i++) {
      const start = async (more: Partial<ServiceOptions> = {}) => {
        const caller = await providers.start({ dir, spoolDir, ...more, env: { ...env, ...more.env } });
        callers.push(caller);
        return caller;
      };
      // The survivor goes on calling: what has been acknowledged by now is compared.
      const compare = () => compareCalls(world, acknowledged(), undefined, 90);
      wrong.push(...((await end.run({ random, world, spoolDir, env, start, compare })) ?? []));
    }
    await drainSpool(spoolDir, env);
    const all = acknowledged();
    const failed = callers.flatMap((caller) => caller.failed.filter((line) => !line.includes('Connection error')));
    const { lost, doubled, wrong: sums, charges, resent } = await compareCalls(world, all, providers.served());
    const remark = `${charges} charges, ${resent} sent more than once`;
    return {
      tries: times,
      events: all.length,
      lost,
      doubled,
      wrong: [...wrong, ...sums, ...failed.slice(0, 3)],
      remark,
    };
  } finally {
    for (const caller of callers) caller.kill('SIGKILL');
    await world.close();
    await providers.close();
  }
}

const faults: Fault[] = Object.entries(ENDS).map(([id, end]) => ({
  id,
  hop: 'service',
  fault: end.fault,
  promises: [
    'spool-killed',
    ...(id.includes('take') || id.includes('cluster') || id.includes('stopped')
      ? ['spool-replayed', 'spool-shared']
      : []),
  ],
  times: { short: end.short, long: end.long },
  run: (run) => runEnd(run, end),
}));
export default faults;
