import type { Fault, FaultRun, Outcome } from '../../support/fault.ts';
import { startWorld, type World } from '../../support/world.ts';
import { type Asked, differences } from './support/compare.ts';
import { charge, clientsOf, EDGES, nanosOf, uuid } from './support/history.ts';
import { Model, type SentEvent } from './support/model.ts';
import { insert, later, refresh, stopRefreshes } from './support/send.ts';

/** Where ClickHouse may stand, or think that it stands: west and east of Greenwich, with daylight saving, with three quarters of an hour. */
const ZONES = ['America/Edmonton', 'Pacific/Apia', 'Asia/Kathmandu', 'Pacific/Kiritimati', 'Europe/Berlin'] as const;

/** An event on each edge, a nanosecond before and after it. */
function edges(run: FaultRun, zone: string): SentEvent[] {
  const { random } = run;
  return EDGES.flatMap((edge) =>
    [-1n, 0n, 1n].map((off): SentEvent => {
      const nanos = nanosOf(edge) + off;
      const attributes = {
        'usage.id': uuid(random, Number(nanos / 1_000_000n)),
        'client.id': random.pick(['acme', 'globex']),
        'usage.service': 'openai',
        'usage.operation': zone,
        'cost.amount': `0.${String(random.int(1, 999_999)).padStart(12, '0')}`,
        'cost.source': 'price_book',
      };
      return { nanos, serviceName: 'checkout', attributes };
    }),
  );
}

const ASKED: Asked = {
  clients: ['acme'],
  months: ['2024-02', '2024-03', '2025-02'],
  periods: [
    ['2024-02-29', '2024-02-29'],
    ['2023-12-31', '2024-01-01'],
  ],
  asOf: ['2024-02-29', '2024-03-01', '2028-02-29'],
};

async function play(run: FaultRun, world: World): Promise<Outcome> {
  const { random, times, log } = run;
  const model = new Model();
  const wrong: string[] = [];
  const own = process.env.TZ;
  let events = 0;
  try {
    for (let attempt = 0; attempt < times && wrong.length === 0; attempt++) {
      const zone = ZONES[attempt % ZONES.length]!;
      const asked = ZONES[(attempt + 2) % ZONES.length]!;
      await world.stopEngine();
      // The engine's process gets this one's environment.
      process.env.TZ = zone;
      await world.startEngine();
      await stopRefreshes(world);
      const [{ server } = { server: '' }] = await world.query<{ server: string }>('SELECT serverTimeZone() AS server');
      if (server !== zone) wrong.push(`ClickHouse stands in ${server} and not in ${zone}: nothing is proved`);
      const sent = [...edges(run, zone), ...Array.from({ length: 20 }, () => charge(random)).flat()];
      await insert(world, sent);
      for (const event of sent) model.arrived(event);
      events += sent.length;
      await refresh(world);
      await refresh(world, 'usage_daily_wide_refresh');
      await later(world, 3_600);
      const question = (sql: string) => world.query(`${sql} SETTINGS session_timezone = '${asked}'`);
      const found = await differences(question as World['query'], model, {
        ...ASKED,
        clients: [random.pick(clientsOf())],
      });
      wrong.push(...found.map((words) => `ClickHouse in ${zone}, asked from ${asked}: ${words}`));
      log(`${zone}: ${events} events`);
    }
  } finally {
    if (own === undefined) delete process.env.TZ;
    else process.env.TZ = own;
  }
  return { tries: times, events, lost: 0, doubled: 0, wrong };
}

/** Days and months are UTC wherever server, session and events think they are. */
const fault: Fault = {
  id: 'time-zones',
  hop: 'clickhouse',
  fault:
    'ClickHouse and its readers in other time zones; events a nanosecond around the ends of days, months, leap days and daylight saving',
  promises: ['ledger-calendar'],
  times: { short: 1, long: 5 },
  timeoutSeconds: 600,
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
