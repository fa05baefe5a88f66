import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../../support/stack.ts';
import { drainSpool } from '../../support/caller.ts';
import type { Fault } from '../../support/fault.ts';
import type { GatewayMode } from '../../support/gateway.ts';
import { startProviders } from '../../support/service-providers.ts';
import { compareCalls } from '../../support/service-truth.ts';
import { startWorld } from '../../support/world.ts';

const MODES: readonly GatewayMode[] = [
  { kind: 'cut' },
  { kind: 'slow', bytesPerSecond: 3000 },
  { kind: 'halfOpen' },
  { kind: 'lostAnswer' },
];

const fault: Fault = {
  id: 'network-outage',
  hop: 'network',
  fault:
    'the way to the Collector cut, slowed to a trickle, half-open or losing answers, in random order; a name that cannot be resolved',
  promises: ['delivery-outage'],
  times: { short: 4, long: 16 },
  collector: true,
  async run({ dir, times, random, log }) {
    const world = await startWorld({ dir, collector: true, proxies: true });
    const providers = await startProviders();
    const spoolDir = join(dir, 'spool');
    const env = { ...world.serviceEnv(), CLIENT_COST_FLUSH_INTERVAL_MS: '50', OTEL_EXPORTER_OTLP_TIMEOUT: '1500' };
    const caller = await providers.start({ dir, spoolDir, env, ratePerSecond: 100, kinds: ['chat'] });
    // The same spool, another address: what it writes is left to whoever reaches the Collector.
    const nowhere = await providers.start({
      dir,
      spoolDir,
      env: { ...env, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.invalid:4318' },
      ratePerSecond: 30,
      kinds: ['chat'],
    });
    const callers = [caller, nowhere];
    const wrong: string[] = [];
    const { toCollector } = world;
    try {
      const modes = random.shuffle(MODES);
      for (let i = 0; i < times; i++) {
        const mode = modes[i % modes.length]!;
        const met = toCollector.requests + 2;
        toCollector.set(mode);
        // A cut connection is no request: only time tells.
        const enough = async () => (toCollector.requests >= met ? true : undefined);
        await eventually('requests', enough, mode.kind === 'cut' ? 2 : 20).catch(() => {});
        await sleep(random.int(0, 500));
        const passed = toCollector.requests + 1;
        toCollector.set({ kind: 'pass' });
        const back = async () => (toCollector.requests >= passed ? true : undefined);
        await eventually(`a request after ${mode.kind}`, back, 40).catch((error) => wrong.push(String(error)));
        log(`${mode.kind}: ${caller.acknowledged.length} calls`);
      }
      await nowhere.until(10);
      await Promise.all(callers.map((one) => one.stop()));
      await drainSpool(spoolDir, env);
      const acknowledged = callers.flatMap((one) => one.acknowledged);
      const compared = await compareCalls(world, acknowledged, providers.served());
      const failed = callers.flatMap((one) => one.failed).slice(0, 3);
      return {
        tries: times + 1,
        events: acknowledged.length,
        lost: compared.lost,
        doubled: compared.doubled,
        wrong: [...wrong, ...compared.wrong, ...failed],
        remark: `${compared.resent} sent again`,
      };
    } finally {
      for (const one of callers) one.kill('SIGKILL');
      await providers.close();
      await world.close();
    }
  },
};
export default fault;
