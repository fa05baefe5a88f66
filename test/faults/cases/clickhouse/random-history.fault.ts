import type { Fault, FaultRun, Outcome } from '../../support/fault.ts';
import { startWorld, type World } from '../../support/world.ts';
import { type Asked, differences } from './support/compare.ts';
import { batches, clientsOf, deliveries } from './support/history.ts';
import { dayOf, Model, type SentEvent } from './support/model.ts';
import { insert, later, refresh, stopRefreshes } from './support/send.ts';

const TABLES = ['usage_events', 'usage_daily', 'usage_strays'];

type Step = readonly [name: string, run: (world: World, run: FaultRun) => Promise<unknown>];

/** What may happen to ClickHouse between two batches; none of it may change what a report says. */
const STEPS: readonly Step[] = [
  ['refresh', (world) => refresh(world)],
  ['refresh twice', async (world) => [await refresh(world), await refresh(world)]],
  ['wide refresh', (world) => refresh(world, 'usage_daily_wide_refresh')],
  ['an hour later', (world) => later(world, 3_600)],
  ['two minutes later', (world, { random }) => later(world, random.int(80, 160))],
  ['two minutes later', (world, { random }) => later(world, random.int(80, 160))],
  ['no refresh any more', (world) => stopRefreshes(world)],
  [
    'all parts merged',
    async (world) => {
      await world.query('SYSTEM START MERGES');
      for (const table of TABLES) await world.query(`OPTIMIZE TABLE ${table} FINAL`);
    },
  ],
  ['no merges any more', (world) => world.query('SYSTEM STOP MERGES')],
  ['merges again', (world) => world.query('SYSTEM START MERGES')],
  [
    'some parts merged',
    async (world, { random }) => {
      await world.query('SYSTEM START MERGES');
      await world.query(`OPTIMIZE TABLE ${random.pick(TABLES)}`);
    },
  ],
  [
    'a table detached and attached',
    async (world, { random }) => {
      const table = random.pick(TABLES);
      await world.query(`DETACH TABLE ${table}`);
      await world.query(`ATTACH TABLE ${table}`);
    },
  ],
  [
    'ClickHouse restarted',
    async (world) => {
      await world.stopEngine();
      await world.startEngine();
      await stopRefreshes(world);
    },
  ],
  [
    'ClickHouse killed in the middle of a refresh',
    async (world, { random }) => {
      await world.query('SYSTEM START VIEW usage_daily_refresh');
      void world.query('SYSTEM REFRESH VIEW usage_daily_refresh').catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, random.int(0, 120)));
      await world.stopEngine('kill');
      await world.startEngine();
      await stopRefreshes(world);
    },
  ],
];

/** The ledger and its days at every step, some of the reports made of them, all of them at the end. */
function askedOf({ random }: FaultRun, events: readonly SentEvent[], all: boolean): Asked {
  const day = () => dayOf(random.pick(events).nanos);
  const some = <T>(make: () => T): T[] => (all || random.int(0, 3) === 0 ? [make()] : []);
  return {
    clients: some(() => random.pick(clientsOf())),
    months: some(() => day().slice(0, 7)),
    periods: some(() => [day(), day()].sort() as [string, string]),
    asOf: some(day),
    monthly: all || random.int(0, 3) === 0,
  };
}

async function play(run: FaultRun, world: World, steps: number): Promise<Outcome> {
  const { random, log } = run;
  const model = new Model();
  const wrong: string[] = [];
  const sent: SentEvent[] = [];
  const seen: string[] = [];
  await stopRefreshes(world);
  let waiting: SentEvent[] = [];
  for (let step = 0; step < steps; step++) {
    if (waiting.length < 40) waiting = random.shuffle([...waiting, ...deliveries(random, 120)]);
    const batch = waiting.splice(0, random.pick([1, 5, 40, 120]));
    for (const part of batches(random, batch, 60)) {
      await insert(world, part);
      for (const event of part) model.arrived(event);
    }
    sent.push(...batch);
    const [name, act] = random.pick(STEPS);
    seen.push(name);
    await act(world, run);
    const found = await differences(world.query, model, askedOf(run, sent, step === steps - 1));
    if (found.length > 0) {
      wrong.push(...found.map((words) => `after ${seen.slice(-4).join(', ')} (step ${step + 1}): ${words}`));
      break;
    }
    if (step % 20 === 19) log(`${step + 1} steps, ${sent.length} events, ${model.ids} charges`);
  }
  return { tries: steps, events: sent.length, lost: 0, doubled: 0, wrong };
}

const STEPS_IN = { short: 8, long: 60 } as const;

/** One ledger, one long history: after each step the whole of every report equals the model. */
const fault: Fault = {
  id: 'random-history',
  hop: 'clickhouse',
  fault:
    'a random history: resends, late events, corrections of client and day, tombstones, versions in any order; between the batches refreshes, merges, restarts, kills',
  promises: ['ledger-corrections', 'ledger-rollups', 'ledger-duplicates', 'ledger-calendar'],
  times: { short: 1, long: 1 },
  timeoutSeconds: 900,
  async run(run) {
    const world = await startWorld({ dir: run.dir });
    try {
      return await play(run, world, STEPS_IN[run.form]);
    } finally {
      await world.close();
    }
  },
};

export default fault;
