import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  freshLedger,
  rows,
  send,
  startTestEngine,
  type TestEngine,
  usage,
} from '../../../clickhouse/src/queries/testing/ledger.ts';

// The views of migration 0018 in the middle of a month: panels always ask about today.

interface Day {
  readonly day_of_month: number;
  readonly cost: number | null;
  readonly expected_cost: number | null;
  readonly cost_sum: number | null;
  readonly expected_sum: number | null;
}

let engine: TestEngine;
let ledger: ClickHouseClient;

beforeAll(async () => {
  engine = await startTestEngine();
  ledger = await freshLedger(engine, 'dashboard_views');
  const call = (time: string, cost: string, over: Record<string, string> = {}) => ({
    time,
    attributes: usage({ 'cost.amount': cost, ...over }),
  });
  await send(ledger, [
    call('2026-01-31T23:59:59Z', '100'),
    call('2026-02-02T00:00:00Z', '6'),
    call('2026-02-10T23:59:59Z', '4'),
    // After the day that is asked about.
    call('2026-02-11T00:00:00Z', '50'),
    call('2026-02-02T12:00:00Z', '1000', { 'client.id': 'another' }),
    call('2026-02-03T12:00:00Z', '', { 'client.id': 'unknown-costs', 'cost.source': 'unpriced' }),
  ]);
});
afterAll(() => engine?.stop());

const days = (client: string, asOf: string) =>
  rows<Day>(
    ledger,
    `SELECT day_of_month, toFloat64(cost) AS cost, toFloat64(expected_cost) AS expected_cost, toFloat64(cost_sum) AS cost_sum,
      toFloat64(expected_sum) AS expected_sum
     FROM client_month_days(client_id = '${client}', as_of = toDate('${asOf}')) ORDER BY day`,
  );

const month = async (client: string, asOf: string) =>
  (
    await rows<Record<string, unknown>>(
      ledger,
      `SELECT toFloat64(cost) AS cost, days_remaining, toFloat64(daily_average) AS average, toFloat64(projected_cost) AS projected,
        unpriced_percent, estimated_percent
       FROM client_month(client_id = '${client}', as_of = toDate('${asOf}'))`,
    )
  )[0];

describe('client_month_days', () => {
  it('has every day: what was spent until as_of, the daily average from there to the end of the month', async () => {
    const found = await days('acme', '2026-02-10');
    expect(found.map(({ day_of_month }) => day_of_month)).toEqual(Array.from({ length: 28 }, (_, n) => n + 1));
    expect(found.map(({ cost }) => cost)).toEqual([0, 6, 0, 0, 0, 0, 0, 0, 0, 4, ...Array(18).fill(null)]);
    expect(found.map(({ expected_cost }) => expected_cost)).toEqual([...Array(9).fill(null), ...Array(19).fill(1)]);
    expect(found.map(({ cost_sum }) => cost_sum)).toEqual([0, ...Array(8).fill(6), 10, ...Array(18).fill(null)]);
    expect(found.slice(0, 9).every(({ expected_sum }) => expected_sum === null)).toBe(true);
    expect(found.slice(9).map(({ expected_sum }) => expected_sum)).toEqual(
      Array.from({ length: 19 }, (_, n) => 10 + n),
    );
  });

  it('ends where the projection of client_month does', async () => {
    const last = (await days('acme', '2026-02-10')).at(-1);
    expect(last?.expected_sum).toBe(28);
    expect(await month('acme', '2026-02-10')).toMatchObject({
      cost: 10,
      average: 1,
      projected: 28,
      days_remaining: 18,
    });
  });

  it('expects nothing of a month that is over', async () => {
    const found = await days('acme', '2026-02-28');
    expect(found.at(-1)).toEqual({ day_of_month: 28, cost: 0, expected_cost: null, cost_sum: 60, expected_sum: null });
    expect(found.every(({ expected_cost, expected_sum }) => expected_cost === null && expected_sum === null)).toBe(
      true,
    );
  });

  it('has its days for a client that used nothing', async () => {
    const found = await days('nobody', '2026-02-10');
    expect(found).toHaveLength(28);
    expect(found[9]).toEqual({ day_of_month: 10, cost: 0, expected_cost: 0, cost_sum: 0, expected_sum: 0 });
  });
});

describe('client_month', () => {
  it('is one row with zeros for a client that used nothing; a share of nothing is unknown', async () => {
    expect(await month('nobody', '2026-02-10')).toEqual({
      cost: 0,
      days_remaining: 18,
      average: 0,
      projected: 0,
      unpriced_percent: null,
      estimated_percent: null,
    });
  });

  it('says how much has no price', async () => {
    expect(await month('unknown-costs', '2026-02-10')).toMatchObject({
      cost: 0,
      unpriced_percent: 100,
      estimated_percent: 0,
    });
  });
});

describe('client_day_costs', () => {
  it('has every day of the period for everyone who used anything in it, and adds up to the month', async () => {
    const found = await rows<{ client_id: string; days: number; cost: number }>(
      ledger,
      `SELECT client_id, toUInt32(uniqExact(day)) AS days, toFloat64(sum(cost)) AS cost
       FROM client_day_costs(first_day = toDate('2026-02-01'), last_day = toDate('2026-02-10')) GROUP BY client_id ORDER BY client_id`,
    );
    expect(found).toEqual([
      { client_id: 'acme', days: 10, cost: 10 },
      { client_id: 'another', days: 10, cost: 1000 },
      { client_id: 'unknown-costs', days: 10, cost: 0 },
    ]);
  });
});
