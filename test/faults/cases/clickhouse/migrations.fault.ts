import { createLedgerClient } from '../../../../clickhouse/dist/client.js';
import { loadMigrations, migrate } from '../../../../clickhouse/dist/migrate/index.js';
import type { Fault, FaultRun, Outcome } from '../../support/fault.ts';
import { startWorld, type World } from '../../support/world.ts';
import { differences, FEW } from './support/compare.ts';
import { deliveries } from './support/history.ts';
import { Model, type SentEvent } from './support/model.ts';
import { insertUntilTaken } from './support/send.ts';

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis));
/** Before it events have other columns. */
const OLDEST = 13;

/** Up or down; false when ClickHouse went away in the middle of it. */
async function migrateTo(world: World, target: number): Promise<boolean> {
  const client = createLedgerClient(world.clickhouse, 'default');
  try {
    await migrate({ client, database: world.clickhouse.database, target });
    return true;
  } catch {
    return false;
  } finally {
    await client.close();
  }
}

async function play(run: FaultRun, world: World): Promise<Outcome> {
  const { random, times, log } = run;
  const newest = loadMigrations().length;
  const model = new Model();
  const wrong: string[] = [];
  let events = 0;
  let cut = 0;
  const tables = () =>
    world.query('SELECT name, engine FROM system.tables WHERE database = currentDatabase() ORDER BY name');
  const whole = JSON.stringify(await tables());
  for (let attempt = 0; attempt < times && wrong.length === 0; attempt++) {
    const sent: SentEvent[] = [];
    let migrating = true;
    const sender = (async () => {
      while (migrating) {
        const batch = deliveries(random, 5);
        await insertUntilTaken(world, batch, 120);
        sent.push(...batch);
        await pause(20);
      }
    })();
    for (const target of [random.int(OLDEST, newest - 1), newest]) {
      const done = migrateTo(world, target);
      const killed = random.int(0, 2) > 0;
      if (killed) {
        await pause(random.int(0, 1_500));
        await world.stopEngine('kill');
        await world.startEngine();
      }
      if (!(await done)) {
        cut++;
        // At times whoever is called thinks better of it.
        const other = target === newest ? random.int(OLDEST, newest - 1) : newest;
        if (random.int(0, 1) === 0 && !(await migrateTo(world, other)))
          wrong.push(`after a migration to ${target} that was cut off the one to ${other} failed`);
        if (!(await migrateTo(world, target))) wrong.push(`the second run of the migration to ${target} failed`);
      }
    }
    migrating = false;
    await sender;
    for (const event of sent) model.arrived(event);
    events += sent.length;
    if (JSON.stringify(await tables()) !== whole) wrong.push('other tables than before');
    wrong.push(...(await differences(world.query, model, { ...FEW, rejectedAtLeast: true })));
    log(`try ${attempt + 1}: ${sent.length} events meanwhile`);
  }
  return { tries: times, events, lost: 0, doubled: 0, wrong, remark: `${cut} migrations cut off` };
}

/** Downgraded and upgraded while events arrive, ClickHouse killed in the middle of it; then run again. */
const fault: Fault = {
  id: 'migrations-cut-off',
  hop: 'clickhouse',
  fault: 'migrations down and up while events arrive, kill -9 of ClickHouse in the middle, then run again',
  promises: ['ledger-outage'],
  times: { short: 0, long: 4 },
  timeoutSeconds: 900,
  async run(run) {
    const world = await startWorld({ dir: run.dir });
    try {
      return await play(run, world);
    } finally {
      await world.close();
    }
  },
};

export default fault;
