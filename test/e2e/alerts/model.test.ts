import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { getClientAlertStates } from '../../../clickhouse/src/alerts/index.ts';
import { daysOf } from '../../../clickhouse/src/queries/dates.ts';
import { addDays, type ClientRecord, setClient } from '../../../clickhouse/src/queries/index.ts';
import { freshLedger, startTestEngine, type TestEngine } from '../../../clickhouse/src/queries/testing/ledger.ts';
import { expectedFiring, firingOf } from './model.ts';
import { type Charge, charge } from './support.ts';

let engine: TestEngine;
let client: ClickHouseClient;

beforeAll(async () => {
  engine = await startTestEngine();
  client = await freshLedger(engine, 'model');
});
afterAll(() => engine?.stop());

/** Small and seeded, so that a failure can be run again. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const CLIENTS = 120;
const FIRST = '2023-12-01';
const LAST = '2024-04-02';

test('whatever the clients cost, the view fires as the rules say, day by day', async () => {
  const random = randomFrom(20_261_122);
  const pick = <T>(values: readonly T[]): T => values[random(values.length)]!;
  const charges = new Map<string, Charge[]>();
  const limits = new Map<string, ClientRecord>();
  for (let index = 0; index < CLIENTS; index++) {
    const id = `client-${index}`;
    const list: Charge[] = [];
    // Some begin late, some stop early; whole dollars make the edges that must be met exactly.
    const began = addDays(FIRST, pick([0, 0, 0, 1, 2, 20, 33, 62, 65, 70]));
    const every = pick([1, 1, 2, 5]);
    const scale = pick([1, 2, 5, 10]);
    for (const day of daysOf({ from: began, to: LAST })) {
      if (random(every) > 0) continue;
      const grown = day.slice(0, 7) === pick(['2024-01', '2024-02', '2024-03']) ? scale * pick([1, 2, 3]) : scale;
      list.push([id, day, pick([String(grown), `${random(grown * 100) / 100}`, '0.000027'])]);
    }
    charges.set(id, list);
    limits.set(
      id,
      await setClient(client, {
        id,
        active: random(12) > 0,
        monthlyWarning: pick([undefined, undefined, '20', '200']),
        monthlyCritical: pick([undefined, undefined, '200', '210.5']),
        spikePercent: pick([undefined, undefined, '20', '99.5']),
        spikeCriticalPercent: pick([undefined, undefined, '120', '300']),
        anomalyPercent: pick([undefined, undefined, '100', '120']),
      }),
    );
  }
  // The table of records has a partition a day: not too many in one insert.
  const byMonth = Map.groupBy([...charges.values()].flat(), ([, day]) => day.slice(0, 7));
  for (const part of byMonth.values()) await charge(client, part);

  const seen = new Map<string, number>();
  const days = daysOf({ from: '2024-02-01', to: LAST }).filter((day) => /-(01|03|04|05|10|29|31)$/.test(day));
  for (const asOf of days) {
    const states = await getClientAlertStates(client, { asOf });
    const month = asOf.slice(0, 7);
    const got = new Map<string, string[]>();
    const want = new Map<string, string[]>();
    for (const [id, list] of charges) {
      got.set(id, firingOf(states, id, month).sort());
      want.set(id, expectedFiring(list, limits.get(id)!, asOf).sort());
      for (const rule of want.get(id)!) seen.set(rule, (seen.get(rule) ?? 0) + 1);
    }
    expect(Object.fromEntries(got), `as of ${asOf}`).toEqual(Object.fromEntries(want));
    expect(states.filter((state) => state.month !== month && state.firing)).toEqual([]);
  }
  // A test in which nothing fires proves nothing.
  const rules = ['threshold:warning', 'threshold:critical', 'spike:warning', 'spike:critical', 'anomaly:warning'];
  expect(rules.filter((rule) => (seen.get(rule) ?? 0) < 50).map((rule) => [rule, seen.get(rule)])).toEqual([]);
});
