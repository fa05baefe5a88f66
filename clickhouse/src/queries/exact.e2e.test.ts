import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type LedgerRow, readCharges, writeCharges } from '../corrections/index.ts';
import { backfill } from './index.ts';
import { freshLedger, refresh, rows, send, startTestEngine, type TestEngine, usage, uuidv7 } from './testing/ledger.ts';

let engine: TestEngine;
let client: ClickHouseClient;

// One database: each test has a client of its own, and days of its own where refreshes matter.
beforeAll(async () => {
  engine = await startTestEngine();
  client = await freshLedger(engine, 'exact');
});
afterAll(() => engine?.stop());

/** Cost per day of one client, as reports say it. */
const costs = async (id: string): Promise<Record<string, string>> =>
  Object.fromEntries(
    (
      await rows<{ day: string; c: string }>(
        client,
        `SELECT day, toString(sum(cost)) AS c FROM usage_daily_current WHERE client_id = '${id}' GROUP BY day ORDER BY day`,
      )
    ).map(({ day, c }) => [day, c]),
  );

/** As if so much time had passed: whatever arrived, and whatever was refreshed, was earlier. */
async function later(seconds: number): Promise<void> {
  const commands = [
    `CREATE TABLE moved ENGINE = Memory AS SELECT * REPLACE (refreshed_at - INTERVAL ${seconds} SECOND AS refreshed_at) FROM usage_daily`,
    `ALTER TABLE usage_events UPDATE ingested_at = ingested_at - INTERVAL ${seconds} SECOND WHERE 1 SETTINGS mutations_sync = 2`,
    'TRUNCATE TABLE usage_daily',
    'INSERT INTO usage_daily SELECT * FROM moved',
    'DROP TABLE moved',
  ];
  for (const query of commands) await client.command({ query });
}

/** Refreshed, and an hour ago: reports read the rollup and nothing else. */
async function anHourLater(): Promise<void> {
  await refresh(client);
  await later(3_600);
}

/** The one charge of a client. */
async function charge(clientId: string, day: string): Promise<LedgerRow> {
  for await (const page of readCharges(client, { from: day, to: day, clientId })) return page[0]!;
  throw new Error(`${clientId} has no charge`);
}

const at = (day: string): string => `${day}T10:00:00Z`;

describe('a charge that moves', () => {
  test.each([
    ['from day to day to day', () => uuidv7(at('2025-05-01'))],
    ['with an id of another UUID version', () => '9f0c5f1e-8a51-4c2b-9a51-0c1de4a3b6f2'],
    ['with an id made on another day', () => uuidv7(at('2025-08-20'))],
  ])('%s: every day it was on is right at once, however old', async (name, makeId) => {
    const id = makeId();
    const to = (day: string, version: number) =>
      send(client, [
        {
          time: at(day),
          attributes: usage({
            'usage.id': id,
            'client.id': name,
            'cost.amount': '5',
            'usage.version': String(version),
          }),
        },
      ]);
    await to('2025-05-01', 1);
    await anHourLater();
    expect(await costs(name)).toEqual({ '2025-05-01': '5' });
    await to('2025-06-02', 2);
    expect(await costs(name)).toEqual({ '2025-06-02': '5' });
    await anHourLater();
    // The version of June is merged away; nothing in the ledger tells of it any more.
    await to('2025-07-03', 3);
    await client.command({ query: 'OPTIMIZE TABLE usage_events FINAL' });
    expect(await costs(name)).toEqual({ '2025-07-03': '5' });
    await anHourLater();
    expect(await costs(name)).toEqual({ '2025-07-03': '5' });
    await to('2025-05-01', 4);
    expect(await costs(name)).toEqual({ '2025-05-01': '5' });
  });

  test('a ledger from before knows it after the daily look', async () => {
    await send(client, [
      { time: at('2025-04-04'), attributes: usage({ 'usage.id': uuidv7(at('2025-04-20')), 'client.id': 'before' }) },
    ]);
    await client.command({ query: 'TRUNCATE TABLE usage_strays' });
    await refresh(client, 'usage_strays_refresh');
    expect(await rows(client, "SELECT day FROM usage_strays WHERE day = '2025-04-04'")).toEqual([
      { day: '2025-04-04' },
    ]);
  });
});

describe('a refresh', () => {
  test('that was cut off between two months does not make the other month look fresh', async () => {
    const add = () =>
      send(client, [
        { time: at('2025-01-15'), attributes: usage({ 'client.id': 'cut', 'cost.amount': '1' }) },
        { time: at('2025-02-15'), attributes: usage({ 'client.id': 'cut', 'cost.amount': '1' }) },
      ]);
    await add();
    await anHourLater();
    await add();
    await later(100);
    await refresh(client);
    // What kill -9 between the two parts leaves: the newest generation without its part of February.
    await client.command({
      query: `DELETE FROM usage_daily WHERE toYYYYMM(day) = 202502
        AND refreshed_at = (SELECT max(refreshed_at) FROM usage_daily WHERE client_id = '' AND service = 'refresh')`,
    });
    expect(await costs('cut')).toEqual({ '2025-01-15': '2', '2025-02-15': '2' });
    await anHourLater();
    expect(await costs('cut')).toEqual({ '2025-01-15': '2', '2025-02-15': '2' });
  });

  test('is one part of each month, however many rows it has', async () => {
    const settings = await rows<{ sql: string }>(
      client,
      "SELECT create_table_query AS sql FROM system.tables WHERE database = 'exact' AND name LIKE 'usage_daily%refresh'",
    );
    expect(settings).toHaveLength(2);
    for (const { sql } of settings) expect(sql).toMatch(/min_insert_block_size_rows = 1000000000/);
  });

  test('an insert that took over a minute to become visible is not forgotten', async () => {
    await anHourLater();
    await client.command({
      query: `INSERT INTO usage_events (usage_id, version, time, client_id, service, quantity, cost, currency, outcome, ingested_at)
        SELECT '${uuidv7(at('2025-03-03'))}', 1, '2025-03-03 10:00:00', 'slow', 'openai', 1, 7, 'USD', 'ok', now64(3) - INTERVAL 75 SECOND`,
    });
    expect(await costs('slow')).toEqual({ '2025-03-03': '7' });
    await anHourLater();
    expect(await costs('slow')).toEqual({ '2025-03-03': '7' });
  });
});

test('a correction by a command whose clock is hours behind is in the reports at once', async () => {
  const day = '2025-09-20';
  await send(client, [{ time: at(day), attributes: usage({ 'client.id': 'behind', 'cost.amount': '1' }) }]);
  await anHourLater();
  const { time, usage_id } = await charge('behind', day);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 5 * 3_600_000 });
  try {
    const row = { ...(await charge('behind', day)), version: '2', cost: '8' };
    expect(await writeCharges(client, [row])).toBe(1);
  } finally {
    vi.useRealTimers();
  }
  expect(await charge('behind', day)).toMatchObject({ time, usage_id, cost: '8' });
  expect(await costs('behind')).toEqual({ [day]: '8' });
});

test('of two rows of the same version the later one counts, merged or not, also in one batch', async () => {
  const id = uuidv7(at('2025-09-09'));
  const say = (cost: string) => ({
    time: at('2025-09-09'),
    attributes: usage({ 'usage.id': id, 'client.id': 'tie', 'cost.amount': cost }),
  });
  await send(client, [say('1'), say('2')]);
  expect(await costs('tie')).toEqual({ '2025-09-09': '2' });
  await send(client, [say('3')]);
  await send(client, [say('4'), say('1')]);
  expect(await costs('tie')).toEqual({ '2025-09-09': '1' });
  await client.command({ query: 'OPTIMIZE TABLE usage_events FINAL' });
  expect(await costs('tie')).toEqual({ '2025-09-09': '1' });
});

// Last: it sets the clock of all that follows.
describe('the clock of ClickHouse set back by hours', () => {
  test('hides nothing that arrives afterwards', async () => {
    await send(client, [{ time: at('2025-10-10'), attributes: usage({ 'client.id': 'clock', 'cost.amount': '1' }) }]);
    await anHourLater();
    // As if the last refresh, of everything there is, had been made by a clock three hours ahead of the one of now.
    const days = await rows<{ day: string }>(client, 'SELECT DISTINCT day FROM usage_daily');
    await backfill(client, { from: '2025-10-10', to: '2025-10-10' });
    await client.command({
      query: `INSERT INTO usage_daily SELECT * REPLACE(now64(6) + INTERVAL 3 HOUR AS refreshed_at, if(client_id = '', 'refresh', service) AS service,
          if(client_id = '', 1, requests) AS requests)
        FROM (SELECT * FROM usage_daily FINAL WHERE day = '2025-10-10' AND (client_id != '' OR service = 'backfill'))`,
    });
    expect(days.length).toBeGreaterThan(1);
    expect(await costs('clock')).toEqual({ '2025-10-10': '1' });
    await send(client, [
      { time: at('2025-10-10'), attributes: usage({ 'client.id': 'clock', 'cost.amount': '2' }) },
      { time: at('2025-10-11'), attributes: usage({ 'client.id': 'clock', 'cost.amount': '4' }) },
    ]);
    const right = { '2025-10-10': '3', '2025-10-11': '4' };
    expect(await costs('clock')).toEqual(right);
    // A refresh of the new time does not fall behind the generation of the old one.
    await refresh(client);
    expect(await costs('clock')).toEqual(right);
    await later(3_600);
    expect(await costs('clock')).toEqual(right);
    await backfill(client, { from: '2025-10-10', to: '2025-10-11' });
    expect(await costs('clock')).toEqual(right);
  });
});
