import { createOpenAIStandIn } from '../../../../examples/dist/stand-ins/index.js';
import { drainSpool, startCaller } from '../../support/caller.ts';
import type { Fault } from '../../support/fault.ts';
import { compare } from '../../support/truth.ts';
import { startWorld } from '../../support/world.ts';

const fault: Fault = {
  id: 'all-killed',
  hop: 'service',
  fault: 'service, Collector and ClickHouse killed one after the other under load, started again in any order',
  promises: ['spool-killed', 'collector-killed', 'ledger-outage'],
  times: { short: 1, long: 10 },
  collector: true,
  async run({ dir, times, random, log }) {
    const standIn = await createOpenAIStandIn();
    const world = await startWorld({ dir, collector: true, proxies: true, log });
    const spoolDir = `${dir}/spool`;
    const acknowledged = [];
    try {
      for (let i = 0; i < times; i++) {
        const caller = await startCaller({ standInUrl: standIn.url, dir, spoolDir, env: world.serviceEnv() });
        await caller.until(random.int(50, 300));
        const order = random.shuffle(['caller', 'collector', 'engine'] as const);
        for (const part of order) {
          if (part === 'caller') caller.kill('SIGKILL');
          else if (part === 'collector') await world.stopCollector('kill');
          else await world.stopEngine('kill');
        }
        await caller.ended;
        acknowledged.push(...caller.acknowledged);
        for (const part of random.shuffle(['collector', 'engine'] as const)) {
          if (part === 'collector') await world.startCollector();
          else await world.startEngine();
        }
      }
      await drainSpool(spoolDir, world.serviceEnv());
      const served = new Set(standIn.requests.flatMap(({ id }) => (id === undefined ? [] : [id])));
      const { lost, doubled, wrong, charges } = await compare(world, acknowledged, { served });
      return { tries: times, events: acknowledged.length, lost, doubled, wrong, remark: `${charges} charges` };
    } finally {
      await world.close();
      await standIn.close();
    }
  },
};
export default fault;
