import type { Fault, FaultRun, Outcome } from '../../support/fault.ts';
import { startWorld, type World } from '../../support/world.ts';
import { differences, FEW } from './support/compare.ts';
import { batches, deliveries } from './support/history.ts';
import { Model, type SentEvent } from './support/model.ts';
import { insert, insertUntilTaken } from './support/send.ts';

/** Something that makes ClickHouse refuse inserts, wholly or in the middle, and its repair. */
interface Refusal {
  readonly name: string;
  readonly table: string;
  readonly plant: readonly string[];
  readonly repair: readonly string[];
}

const WRITTEN = ['otel_logs', 'usage_events', 'usage_events_rejected', 'usage_strays'];

function setting(name: string, table: string, ...values: string[]): Refusal {
  const names = values.map((value) => value.split(' ')[0]).join(', ');
  return {
    name,
    table,
    plant: [`ALTER TABLE ${table} MODIFY SETTING ${values.join(', ')}`],
    repair: [`ALTER TABLE ${table} RESET SETTING ${names}`],
  };
}

const REFUSALS: readonly Refusal[] = [
  ...WRITTEN.flatMap((table): Refusal[] => [
    setting('a full disk', table, 'min_free_disk_bytes_to_perform_insert = 1000000000000000'),
    setting('too many parts', table, 'parts_to_throw_insert = 1', 'parts_to_delay_insert = 0'),
    { name: 'a missing table', table, plant: [`DETACH TABLE ${table}`], repair: [`ATTACH TABLE ${table}`] },
  ]),
  // It throws on some of the rows, so in the middle of a batch.
  ...['otel_logs', 'usage_intake', 'usage_events'].map(
    (table): Refusal => ({
      name: 'a view that throws',
      table,
      plant: [
        'CREATE TABLE IF NOT EXISTS fault_sink (n UInt8) ENGINE = Null',
        `CREATE MATERIALIZED VIEW fault_view TO fault_sink AS SELECT throwIf(cityHash64(${table === 'otel_logs' ? 'Timestamp' : 'time'}) % 9 = 0, 'planted') AS n FROM ${table}`,
      ],
      repair: ['DROP VIEW fault_view SYNC'],
    }),
  ),
];

async function play(run: FaultRun, world: World): Promise<Outcome> {
  const { random, times, log } = run;
  const model = new Model();
  const wrong: string[] = [];
  const parts = () => world.query<{ n: number }>('SELECT uniqExact(usage_id) AS n FROM usage_events');
  let events = 0;
  let refusedBatches = 0;
  let halves = 0;
  await world.query('SYSTEM STOP MERGES');
  // Parts that a refusal for their number needs.
  const take = async (batch: SentEvent[]) => {
    await insertUntilTaken(world, batch);
    for (const event of batch) model.arrived(event);
    events += batch.length;
  };
  for (let i = 0; i < 3; i++) await take(deliveries(random, 30));
  const order = random.shuffle(REFUSALS);
  for (let attempt = 0; attempt < times && wrong.length === 0; attempt++) {
    const refusal = order[attempt % order.length]!;
    const what = `${refusal.name} (${refusal.table})`;
    const refused: SentEvent[][] = [];
    const before = (await parts())[0]!.n;
    for (const query of refusal.plant) await world.query(query);
    for (const batch of batches(random, deliveries(random, 40), 60)) {
      try {
        await insert(world, batch);
        for (const event of batch) model.arrived(event);
        events += batch.length;
      } catch {
        refused.push(batch);
      }
    }
    for (const query of refusal.repair) await world.query(query);
    if (refused.length === 0) wrong.push(`${what}: nothing was refused, so nothing is proved`);
    if (refused.length > 0 && (await parts())[0]!.n > before) halves++;
    refusedBatches += refused.length;
    // The sender keeps what was refused, and batches it anew.
    for (const batch of batches(random, random.shuffle(refused.flat()), 80)) await take(batch);
    const found = await differences(world.query, model, { ...FEW, rejectedAtLeast: true });
    wrong.push(...found.map((words) => `after ${what}: ${words}`));
    log(`${what}: ${refused.length} batches refused`);
  }
  const remark = `${refusedBatches} batches refused, in ${halves} tries written in part`;
  return { tries: times, events, lost: 0, doubled: 0, wrong, remark };
}

/** A batch that was refused may be in the ledger in part; sent again it is whole, and nothing of it is there twice. */
const fault: Fault = {
  id: 'clickhouse-refuses',
  hop: 'clickhouse',
  fault: 'a full disk, too many parts, a missing table, a view that throws in the middle of a batch',
  promises: ['ledger-outage', 'ledger-duplicates'],
  times: { short: 4, long: 30 },
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
