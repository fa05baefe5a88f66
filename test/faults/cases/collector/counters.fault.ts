import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../../support/stack.ts';
import { type Caller, drainSpool } from '../../support/caller.ts';
import type { Fault } from '../../support/fault.ts';
import { startProviders } from '../../support/service-providers.ts';
import { compareCalls } from '../../support/service-truth.ts';
import { startWorld } from '../../support/world.ts';
import { resend } from './resend.ts';

interface Difference {
  readonly client_id: string;
  readonly ledger: number;
  readonly counters: number;
  readonly cost: number;
}

/**
 * Counters are cumulative: a service that lives to its last export makes up for every point that was lost on the way, whatever happened to
 * the Collector and its queue. What a killed service counted after its last export is in the ledger only. Nothing else may differ.
 */
const fault: Fault = {
  id: 'counters-explained',
  hop: 'collector',
  fault:
    'Collector killed, its queue lost and sent again, ClickHouse cut, a service killed: counters against the ledger, each difference with its cause',
  promises: ['counters-explained'],
  times: { short: 1, long: 3 },
  collector: true,
  async run({ dir, times, random, log }) {
    const world = await startWorld({ dir, collector: true, proxies: true });
    const providers = await startProviders();
    const spoolDir = join(dir, 'spool');
    const env = {
      ...world.serviceEnv(),
      CLIENT_COST_FLUSH_INTERVAL_MS: '50',
      OTEL_METRIC_EXPORT_INTERVAL: '500',
      OTEL_METRIC_EXPORT_TIMEOUT: '400',
    };
    const callers: Caller[] = [];
    const start = async (client: string) => {
      const caller = await providers.start({
        dir,
        spoolDir,
        env,
        ratePerSecond: 40,
        kinds: ['chat'],
        clients: [client],
      });
      callers.push(caller);
      return caller;
    };
    try {
      const begun = Date.now();
      const steady = await start('steady');
      for (let i = 0; i < times; i++) {
        const killed = await start('killed');
        await killed.until(20);
        await sleep(random.int(500, 1500));
        killed.kill('SIGKILL');
        await killed.ended;
        world.toClickHouse.set({ kind: 'cut' });
        await steady.until(steady.acknowledged.length + 20);
        await world.stopCollector('kill');
        const queue = i % 2 === 0 ? 'lost' : 'kept';
        await world.startCollector({ queue });
        world.toClickHouse.set({ kind: 'pass' });
        if (queue === 'lost') await resend(spoolDir, begun - 60_000, env);
        log(`${i + 1}: queue ${queue}, ${steady.acknowledged.length} steady calls`);
      }
      await steady.until(steady.acknowledged.length + 20);
      await steady.stop();
      await drainSpool(spoolDir, env);
      const acknowledged = callers.flatMap((caller) => caller.acknowledged);
      const { lost, doubled, wrong } = await compareCalls(world, acknowledged, providers.served());
      let rows: Difference[] = [];
      const look = async () => {
        rows = await world.query<Difference>(`
          SELECT client_id, sum(ledger_requests) AS ledger, sum(counter_requests) AS counters, sum(cost_difference) AS cost
          FROM usage_ledger_vs_counters WHERE client_id IN ('steady', 'killed') GROUP BY client_id`);
        const same = rows.find(({ client_id }) => client_id === 'steady');
        return same !== undefined && same.ledger === same.counters ? true : undefined;
      };
      await eventually('the counters of the living service equal the ledger', look, 20).catch(() => {});
      const of = (client: string) => rows.find(({ client_id }) => client_id === client);
      const [alive, dead] = [of('steady'), of('killed')];
      const said = [...wrong];
      if (alive === undefined || alive.ledger !== alive.counters || Math.abs(alive.cost) > 1e-6)
        said.push(`the service that lived differs: ${JSON.stringify(alive)}`);
      if (dead === undefined || dead.counters > dead.ledger || dead.cost > 1e-6)
        said.push(`the counters of killed services hold more than the ledger: ${JSON.stringify(dead)}`);
      const remark = `lived: none; killed: ${dead === undefined ? '?' : dead.ledger - dead.counters} of ${dead?.ledger} calls after its last export`;
      return { tries: times, events: acknowledged.length, lost, doubled, wrong: said, remark };
    } finally {
      for (const caller of callers) caller.kill('SIGKILL');
      await providers.close();
      await world.close();
    }
  },
};
export default fault;
