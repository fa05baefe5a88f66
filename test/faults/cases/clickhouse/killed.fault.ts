import type { Fault, FaultRun, Outcome } from '../../support/fault.ts';
import { startWorld, type World } from '../../support/world.ts';
import { differences, FEW } from './support/compare.ts';
import { deliveries } from './support/history.ts';
import { Model, type SentEvent } from './support/model.ts';
import { insert, insertUntilTaken, later, stopRefreshes } from './support/send.ts';

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis));

/** Ids that the ledger or the rejected rows hold. */
async function known(world: World): Promise<Set<string>> {
  const rows = await world.query<{ id: string }>(
    'SELECT DISTINCT toString(usage_id) AS id FROM usage_events UNION ALL SELECT DISTINCT usage_id AS id FROM usage_events_rejected',
  );
  return new Set(rows.map(({ id }) => id));
}

async function underInserts(run: FaultRun, world: World): Promise<Outcome> {
  const { random, times, log } = run;
  const model = new Model();
  const wrong: string[] = [];
  let events = 0;
  let lost = 0;
  let cut = 0;
  for (let attempt = 0; attempt < times && wrong.length + lost === 0; attempt++) {
    const acknowledged: SentEvent[] = [];
    const waiting: SentEvent[][] = Array.from({ length: 200 }, () => deliveries(random, random.int(1, 30), 2));
    const unanswered: SentEvent[][] = [];
    let ended = false;
    const sender = async () => {
      for (let batch = waiting.pop(); batch !== undefined && !ended; batch = waiting.pop()) {
        try {
          await insert(world, batch);
          acknowledged.push(...batch);
        } catch {
          unanswered.push(batch);
        }
      }
    };
    const senders = [1, 2, 3].map(sender);
    // Not before something was acknowledged: else nothing is proved.
    while (acknowledged.length === 0) await pause(5);
    await pause(random.int(0, 400));
    await world.stopEngine('kill');
    ended = true;
    await Promise.all(senders);
    await world.startEngine();
    const there = await known(world);
    lost += new Set(acknowledged.map(({ attributes }) => attributes['usage.id']!).filter((id) => !there.has(id))).size;
    cut += unanswered.length;
    for (const batch of unanswered) await insertUntilTaken(world, batch);
    for (const event of [...acknowledged, ...unanswered.flat()]) model.arrived(event);
    events += acknowledged.length + unanswered.flat().length;
    wrong.push(...(await differences(world.query, model, { ...FEW, rejectedAtLeast: true })));
    log(`try ${attempt + 1}: ${acknowledged.length} acknowledged, ${unanswered.length} batches cut off`);
  }
  return { tries: times, events, lost, doubled: 0, wrong, remark: `${cut} batches cut off` };
}

async function inRefresh(run: FaultRun, world: World): Promise<Outcome> {
  const { random, times, log } = run;
  const model = new Model();
  const wrong: string[] = [];
  let events = 0;
  let cut = 0;
  for (let attempt = 0; attempt < times && wrong.length === 0; attempt++) {
    await stopRefreshes(world);
    const batch = deliveries(random, 60);
    await insert(world, batch);
    for (const event of batch) model.arrived(event);
    events += batch.length;
    // What arrived lies further back than reports look beyond the last refresh: only a whole refresh may hide it from them.
    await later(world, random.int(100, 140));
    const generations = async () =>
      (
        await world.query<{ n: number }>(
          "SELECT uniqExact(refreshed_at) AS n FROM usage_daily WHERE service = 'refresh'",
        )
      )[0]!.n;
    const before = await generations();
    const view = random.pick(['usage_daily_refresh', 'usage_daily_refresh', 'usage_daily_wide_refresh']);
    await world.query(`SYSTEM START VIEW ${view}`);
    const asked = world.query(`SYSTEM REFRESH VIEW ${view}`).catch(() => {});
    await pause(random.int(0, 150));
    await world.stopEngine('kill');
    await asked;
    await world.startEngine();
    await stopRefreshes(world);
    if ((await generations()) === before) cut++;
    wrong.push(...(await differences(world.query, model, FEW)).map((words) => `try ${attempt + 1}: ${words}`));
    if (attempt % 5 === 4) log(`${attempt + 1} tries`);
  }
  return { tries: times, events, lost: 0, doubled: 0, wrong, remark: `${cut} times before the refresh was written` };
}

const killed = (
  id: string,
  fault: string,
  promises: readonly string[],
  times: Fault['times'],
  play: (run: FaultRun, world: World) => Promise<Outcome>,
): Fault => ({
  id,
  hop: 'clickhouse',
  fault,
  promises,
  times,
  timeoutSeconds: 900,
  async run(run) {
    const world = await startWorld({ dir: run.dir });
    try {
      return await play(run, world);
    } finally {
      await world.close();
    }
  },
});

export default [
  killed(
    'clickhouse-killed-under-inserts',
    'kill -9 of ClickHouse under inserts; what was acknowledged is there when it is back',
    ['ledger-outage'],
    { short: 1, long: 20 },
    underInserts,
  ),
  killed(
    'clickhouse-killed-in-refresh',
    'kill -9 of ClickHouse in the middle of a refresh',
    ['ledger-rollups'],
    { short: 2, long: 25 },
    inRefresh,
  ),
];
