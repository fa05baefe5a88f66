import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ledgerChecks } from '../cli/doctor-ledger.ts';
import { freshLedger, rows, send, startTestEngine, type TestEngine, usage, uuidv7 } from './testing/ledger.ts';

let engine: TestEngine;
let client: ClickHouseClient;

beforeAll(async () => {
  engine = await startTestEngine();
  client = await freshLedger(engine, 'clocks');
});
afterAll(() => engine?.stop());

const HOUR = 3_600_000;

async function clocks(): Promise<string> {
  const connection = { url: engine.url, user: 'default', password: '', database: 'clocks' };
  for await (const { hop, state, says } of ledgerChecks(engine.admin, connection, new Date())) {
    if (hop === 'clocks') return `${state}: ${says}`;
  }
  throw new Error('doctor says nothing about clocks');
}

test('an event from the next hours or from years ago is charged on its own day, and seen', async () => {
  expect(await clocks()).toBe('ok: every charge since yesterday arrived after its call');
  const now = Date.now();
  const call = (hours: number, service: string) => {
    const at = now + hours * HOUR;
    return {
      time: new Date(at).toISOString(),
      service,
      attributes: usage({ 'usage.id': uuidv7(at), 'client.id': `at ${hours}`, 'cost.amount': '1' }),
    };
  };
  await send(client, [call(0, 'right'), call(-24 * 1_820, 'old')]);
  expect(await clocks()).toMatch(
    /^ok: 1 of the charges .* up to 1820 days, 1 \(1 USD\) on the bill of an earlier month$/,
  );
  await send(client, [call(3, 'wrong'), call(23, 'worse'), call(25, 'refused'), call(-24 * 1_830, 'refused')]);
  const charged = await rows<{ client_id: string; day: string }>(
    client,
    'SELECT client_id, toString(day) AS day FROM usage_daily_current ORDER BY day, client_id',
  );
  expect(Object.fromEntries(charged.map(({ client_id, day }) => [client_id, day]))).toEqual(
    Object.fromEntries(
      [-24 * 1_820, 0, 3, 23].map((h) => [`at ${h}`, new Date(now + h * HOUR).toISOString().slice(0, 10)]),
    ),
  );
  // No month loses it: all months together are the ledger.
  expect(await rows(client, 'SELECT toString(sum(total_cost)) AS cost FROM usage_monthly')).toEqual([{ cost: '4' }]);
  expect(
    await rows(client, 'SELECT reason, count() AS n FROM usage_events_rejected GROUP BY reason ORDER BY reason'),
  ).toEqual([
    { reason: 'the time is missing or more than five years ago', n: '1' },
    { reason: 'the time is more than one day in the future', n: '1' },
  ]);
  expect(await clocks()).toMatch(
    /^warn: 2 of 4 charges since yesterday are dated after their arrival, up to 23 h \(worse\)/,
  );
});

test('usage_clock_skew tells a later month from the month of arrival, and takes no correction for a late charge', async () => {
  const row = (at: string, arrived: string, version: number, cost: number) =>
    `('${uuidv7(Date.parse(`${at.replace(' ', 'T')}Z`))}', ${version}, '${at}', 'acme', 'openai', 1, ${cost}, 'USD', 'ok', 'shop', '${arrived}')`;
  await client.command({
    query: `INSERT INTO usage_events (usage_id, version, time, client_id, service, quantity, cost, currency, outcome, service_name, ingested_at) VALUES
      ${row('2026-02-01 01:00:00', '2026-01-31 23:00:00', 1, 3)}, ${row('2026-01-31 10:00:00', '2026-01-31 10:00:01', 1, 1)},
      ${row('2025-12-30 10:00:00', '2026-01-31 10:00:00', 1, 2)}, ${row('2025-11-30 10:00:00', '2026-01-31 10:00:00', 1000, 9)}`,
  });
  expect(
    await rows(client, "SELECT * FROM usage_clock_skew WHERE arrival_day = '2026-01-31' AND service_name = 'shop'"),
  ).toEqual([
    {
      arrival_day: '2026-01-31',
      service: 'openai',
      service_name: 'shop',
      events: '3',
      ahead: '1',
      max_ahead_seconds: 7_200,
      next_day: '1',
      next_month: '1',
      next_month_cost: '3',
      late: '1',
      max_late_seconds: 32 * 86_400,
      earlier_month: '1',
      earlier_month_cost: '2',
    },
  ]);
});

test('a clock of ClickHouse that was set back is said', async () => {
  await client.command({
    query: `INSERT INTO usage_daily (day, service, requests, refreshed_at) VALUES ('2026-01-31', 'refresh', 1, now64(6) + INTERVAL 3 HOUR)`,
  });
  expect(await clocks()).toMatch(/^warn: ClickHouse's clock is 3 h behind its last refresh/);
});
