import { setTimeout as sleep } from 'node:timers/promises';
import { type Caller, drainSpool } from '../../support/caller.ts';
import type { Fault, Random } from '../../support/fault.ts';
import type { CallKind } from '../../support/service-calls.ts';
import { type Providers, type ServiceOptions, startProviders } from '../../support/service-providers.ts';
import { compareCalls } from '../../support/service-truth.ts';
import type { Acknowledged } from '../../support/truth.ts';
import { startWorld, type World } from '../../support/world.ts';

interface Try {
  readonly random: Random;
  readonly world: World;
  start(options?: Partial<ServiceOptions>): Promise<Caller>;
}

const killed = async (caller: Caller) => {
  caller.kill('SIGKILL');
  await caller.ended;
};

/** The moments at which the process is killed. Each resolves when it is dead; what it left is for the next one. */
const MOMENTS: Readonly<Record<string, (run: Try) => Promise<void>>> = {
  async load({ random, start }) {
    const caller = await start();
    await caller.until(random.int(20, 300));
    await sleep(random.int(0, 20));
    await killed(caller);
  },
  async burst({ random, start }) {
    const caller = await start({ concurrency: 64, ratePerSecond: 10_000, clients: CLIENTS });
    await caller.until(1);
    await sleep(random.int(0, 150));
    await killed(caller);
  },
  // Long events, so that the spool's files rotate every few dozen calls.
  async rotation({ random, start, world }) {
    if (random.next() < 0.5) world.toCollector.set({ kind: 'cut' });
    const caller = await start({ pad: 15_000, concurrency: 16, ratePerSecond: 1000 });
    await caller.until(random.int(60, 600));
    await killed(caller);
    world.toCollector.set({ kind: 'pass' });
  },
  // A request is on its way: unread, half read, read but its answer lost.
  async sending({ random, start, world }) {
    const caller = await start({ env: { CLIENT_COST_FLUSH_INTERVAL_MS: '100' } });
    await caller.until(random.int(10, 100));
    const ways = [{ kind: 'slow', bytesPerSecond: 100_000 }, { kind: 'halfOpen' }, { kind: 'lostAnswer' }] as const;
    world.toCollector.set(random.pick(ways));
    const { requests } = world.toCollector;
    while (world.toCollector.requests < requests + 2) await sleep(5);
    await sleep(random.int(0, 50));
    await killed(caller);
    world.toCollector.set({ kind: 'pass' });
  },
  // A process leaves much, the next one is killed while it sends that, or before.
  async replaying({ random, start, world }) {
    world.toCollector.set({ kind: 'cut' });
    const first = await start({ ratePerSecond: 1000 });
    await first.until(random.int(100, 400));
    await killed(first);
    world.toCollector.set(random.pick([{ kind: 'pass' }, { kind: 'slow', bytesPerSecond: 300_000 }] as const));
    const { requests } = world.toCollector;
    const second = await start({ ratePerSecond: 20, env: { CLIENT_COST_FLUSH_INTERVAL_MS: '50' } });
    const wait = random.int(0, 200);
    const until = Date.now() + wait * 3;
    while (world.toCollector.requests === requests && Date.now() < until) await sleep(2);
    await sleep(wait / 4);
    await killed(second);
    world.toCollector.set({ kind: 'pass' });
  },
  async exiting({ random, start, world }) {
    if (random.next() < 0.5) world.toCollector.set({ kind: 'halfOpen' });
    const caller = await start();
    await caller.until(random.int(10, 100));
    const end = random.pick(['exit', 'exitKilledBefore', 'exitKilledAfter'] as const);
    caller.process.send({ end });
    // Where it does not kill itself, its exit handler waits for a child that sends.
    if (end === 'exit') {
      await sleep(random.int(0, 300));
      caller.kill('SIGKILL');
    }
    world.toCollector.set({ kind: 'pass' });
    await caller.ended;
  },
};

const CLIENTS = ['acme', 'bolt', 'crane', 'dune', 'elm'];
/** All kinds once in a while; the usual ones mostly, which start faster. */
const ALL: readonly CallKind[] = ['chat', 'sms', 'stream', 'response', 'payment', 'embedding', 'aborted', 'failing'];

const fault: Fault = {
  id: 'kill-9',
  hop: 'service',
  fault:
    'kill -9 at a random moment: under load, in a burst, while files rotate, while sending, while replaying, in the exit handler',
  promises: ['spool-killed', 'spool-replayed'],
  times: { short: 6, long: 100 },
  collector: true,
  async run({ dir, times, random, log }) {
    const world = await startWorld({ dir, collector: true, proxies: true, log });
    const providers: Providers = await startProviders({ twilio: true, stripe: true });
    const spoolDir = `${dir}/spool`;
    const callers: Caller[] = [];
    const env = world.serviceEnv();
    try {
      const moments = Object.keys(MOMENTS);
      for (let i = 0; i < times; i++) {
        const moment = moments[i % moments.length]!;
        const begun = Date.now();
        const usual = i % 4 === 3 ? { kinds: ALL } : {};
        const start = async (more: Partial<ServiceOptions> = {}) => {
          const caller = await providers.start({
            dir,
            spoolDir,
            clients: CLIENTS,
            ...usual,
            ...more,
            env: { ...env, ...more.env },
          });
          callers.push(caller);
          return caller;
        };
        await MOMENTS[moment]!({ random, world, start });
        log(`${i + 1} ${moment}: ${Date.now() - begun} ms`);
      }
      await drainSpool(spoolDir, env);
      const acknowledged: Acknowledged[] = callers.flatMap((caller) => caller.acknowledged);
      const failed = callers.flatMap((caller) => caller.failed.filter((line) => !line.includes('Connection error')));
      const { lost, doubled, wrong, charges, resent } = await compareCalls(world, acknowledged, providers.served());
      const remark = `${charges} charges, ${resent} sent more than once`;
      return {
        tries: times,
        events: acknowledged.length,
        lost,
        doubled,
        wrong: [...wrong, ...failed.slice(0, 5)],
        remark,
      };
    } finally {
      for (const caller of callers) caller.kill('SIGKILL');
      await world.close();
      await providers.close();
    }
  },
};
export default fault;
