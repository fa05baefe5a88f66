import { logsRequest } from '../../../support/otlp.ts';
import { eventually, sendOtlp } from '../../../support/stack.ts';
import type { Fault, FaultRun, Outcome } from '../../support/fault.ts';
import { startWorld, type World } from '../../support/world.ts';
import { type Asked, differences, FEW } from '../clickhouse/support/compare.ts';
import { batches, charge, clientsOf } from '../clickhouse/support/history.ts';
import { Model, type SentEvent } from '../clickhouse/support/model.ts';
import { insertUntilTaken, records } from '../clickhouse/support/send.ts';

const CHARGES = { short: 80, long: 1_500 } as const;
/** Most events of a batch; a round takes one of them. */
const BATCHES = { short: [40, 200], long: [15, 60, 400] } as const;

/** How a batch goes: resolves when it is acknowledged. */
type Send = (world: World, batch: readonly SentEvent[]) => Promise<unknown>;

const direct: Send = insertUntilTaken;

/** Through the Collector; again and again while it is away, as the exporter does. */
const otlp: Send = async (world, batch) => {
  for (let attempt = 0; ; attempt++) {
    try {
      return await sendOtlp(world.otlpUrl, 'logs', logsRequest(records(batch), 'checkout'));
    } catch (error) {
      if (attempt > 600) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
};

const ALL: Asked = {
  clients: [clientsOf()[0]!, clientsOf()[2]!],
  months: ['2024-02', '2025-12'],
  periods: [['2021-01-01', '2027-12-31']],
  asOf: ['2024-02-29', '2025-12-01'],
};

/** Some way to send; `restart` is called now and then in the middle of it. */
async function play(run: FaultRun, world: World, send: Send, restart: () => Promise<void>): Promise<Outcome> {
  const { random, times, form, log } = run;
  const model = new Model();
  const wrong: string[] = [];
  let events = 0;
  let batchCount = 0;
  for (let round = 0; round < times && wrong.length === 0; round++) {
    const once = Array.from({ length: CHARGES[form] }, () => charge(random)).flat();
    // What is rejected is kept as often as it comes, which would say nothing here.
    const copies = once.flatMap((event) => Array.from({ length: random.int(1, 5) }, () => event));
    const queue = batches(random, random.shuffle(copies), random.pick(BATCHES[form]));
    batchCount += queue.length;
    const worker = async () => {
      for (let batch = queue.pop(); batch !== undefined; batch = queue.pop()) await send(world, batch);
    };
    const workers = [1, 2, 3, 4].map(worker);
    if (round % 2 === 0) await restart();
    await Promise.all(workers);
    for (const event of copies) model.arrived(event);
    const there = async () => {
      const [row] = await world.query<{ n: number }>('SELECT uniqExact(usage_id) AS n FROM usage_events');
      return row!.n >= model.ids ? true : undefined;
    };
    await eventually('every charge has arrived', there, 90).catch(() => {});
    await world.settle();
    events += copies.length;
    const found = await differences(world.query, model, {
      ...(round === times - 1 ? ALL : FEW),
      rejectedAtLeast: true,
    });
    wrong.push(...found.map((words) => `round ${round + 1}: ${words}`));
    log(`round ${round + 1}: ${events} events sent, ${model.ids} charges`);
  }
  const rows = await world.query<{ charges: number; ids: number }>(
    'SELECT count() AS charges, uniqExact(usage_id) AS ids FROM usage_events FINAL',
  );
  const doubled = rows[0]!.charges - rows[0]!.ids;
  return {
    tries: times,
    events,
    lost: Math.max(0, model.ids - rows[0]!.ids),
    doubled,
    wrong,
    remark: `${model.ids} charges, ${batchCount} batches`,
  };
}

const what = 'every batch 1 to 5 times, in any order, with new boundaries, four at once';

export default [
  {
    id: 'duplicates-direct',
    hop: 'duplicates',
    fault: `${what}, straight into ClickHouse, which is killed and restarted meanwhile`,
    promises: ['ledger-duplicates'],
    times: { short: 1, long: 3 },
    timeoutSeconds: 1800,
    async run(run) {
      const world = await startWorld({ dir: run.dir });
      try {
        return await play(run, world, direct, async () => {
          await new Promise((resolve) => setTimeout(resolve, run.random.int(0, 300)));
          await world.stopEngine(run.random.pick(['stop', 'kill']));
          await world.startEngine();
        });
      } finally {
        await world.close();
      }
    },
  },
  {
    id: 'duplicates-collector',
    hop: 'duplicates',
    fault: `${what}, through the Collector, which or ClickHouse is killed and restarted meanwhile`,
    promises: ['ledger-duplicates'],
    times: { short: 1, long: 3 },
    timeoutSeconds: 1800,
    collector: true,
    async run(run) {
      const world = await startWorld({ dir: run.dir, collector: true });
      try {
        return await play(run, world, otlp, async () => {
          await new Promise((resolve) => setTimeout(resolve, run.random.int(0, 300)));
          const how = run.random.pick(['stop', 'kill'] as const);
          if (run.random.int(0, 1) === 0) {
            await world.stopCollector(how);
            await world.startCollector();
          } else {
            await world.stopEngine(how);
            await world.startEngine();
          }
        });
      } finally {
        await world.close();
      }
    },
  },
] satisfies Fault[];
