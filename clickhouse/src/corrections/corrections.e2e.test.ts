import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { getClientUsageSummary } from '../queries/index.ts';
import {
  freshLedger,
  refresh,
  rows,
  send,
  startTestEngine,
  type TestEngine,
  usage,
  uuidv7,
} from '../queries/testing/ledger.ts';
import { type LedgerRow, newCharge, nextVersion, readCharges, StaleCorrectionError, writeCharges } from './index.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine?.stop());

type Filter = Parameters<typeof readCharges>[1];

async function all(client: ClickHouseClient, filter: Filter): Promise<LedgerRow[]> {
  const result: LedgerRow[] = [];
  for await (const page of readCharges(client, filter)) result.push(...page);
  return result;
}

const FEBRUARY = { from: '2026-02-01', to: '2026-02-28' };

describe('readCharges and writeCharges', () => {
  test('a row that is read and written back is the same row, to the last digit', async () => {
    const client = await freshLedger(engine, 'c_same');
    await send(client, [
      {
        time: '2026-02-03T10:00:00.123456789Z',
        attributes: usage({
          'cost.amount': '999999.999999999999',
          'usage.quantity': '123456789012345.123456789012',
          'gen_ai.usage.input_tokens': '999999999999999',
          'gen_ai.usage.output_tokens': 'many',
          'usage.version': '9007199254740993',
          'cost.original_amount': '0.1',
          'cost.original_currency': 'CAD',
          'usage.metadata': '{"a":"\'\\"\\\\ü\\n"}',
        }),
      },
    ]);
    const [row] = await all(client, FEBRUARY);
    expect(row).toMatchObject({
      version: '9007199254740993',
      cost: '999999.999999999999',
      quantity: '123456789012345.123456789012',
    });
    expect(await writeCharges(client, [{ ...row!, version: nextVersion(row!) }])).toBe(1);
    expect(await rows(client, 'SELECT count() AS n FROM usage_events')).toEqual([{ n: '2' }]);
    expect(await all(client, FEBRUARY)).toEqual([{ ...row, version: '9007199254740994' }]);
  });

  test('pages hold every charge once, also those of one time; a broken-off read goes on', async () => {
    const client = await freshLedger(engine, 'c_pages');
    const events = Array.from({ length: 25 }, (_, i) => ({
      time: `2026-02-0${1 + (i % 3)}T10:00:00.${String(Math.floor(i / 6)).padStart(9, '0')}Z`,
      attributes: usage({ 'usage.id': uuidv7('2026-02-02T00:00:00Z'), 'usage.external_id': `e${i}` }),
    }));
    await send(client, events);
    const pages: (readonly LedgerRow[])[] = [];
    for await (const page of readCharges(client, { ...FEBRUARY, pageSize: 4 })) pages.push(page);
    expect(Math.max(...pages.map((page) => page.length))).toBe(4);
    const read = pages.flat();
    expect(new Set(read.map(({ usage_id }) => usage_id)).size).toBe(25);
    expect(read.length).toBe(25);
    expect(read.map(({ time }) => time)).toEqual(read.map(({ time }) => time).toSorted());
    const last = read[6]!;
    const rest = await all(client, { ...FEBRUARY, from: last.time.slice(0, 10), after: last, pageSize: 4 });
    expect(rest.map(({ usage_id }) => usage_id)).toEqual(read.slice(7).map(({ usage_id }) => usage_id));
  });

  test('conditions', async () => {
    const client = await freshLedger(engine, 'c_filter');
    await send(client, [
      { time: '2026-02-01T00:00:00Z', attributes: usage({ 'usage.external_id': 'a' }) },
      {
        time: '2026-02-28T23:59:59.999Z',
        attributes: usage({ 'client.id': 'b', 'cost.amount': '', 'cost.source': 'unpriced' }),
      },
      { time: '2026-03-01T00:00:00Z', attributes: usage({ 'usage.external_id': 'c' }) },
      { time: '2026-02-05T00:00:00Z', attributes: usage({ 'usage.service': 'stripe', 'usage.deleted': 'true' }) },
    ]);
    const n = async (filter: Partial<Filter>): Promise<number> =>
      (await all(client, { ...FEBRUARY, ...filter })).length;
    expect(await n({})).toBe(2);
    expect(await n({ clientId: 'b' })).toBe(1);
    expect(await n({ services: ['openai'], costSources: ['unpriced'] })).toBe(1);
    expect(await n({ services: [] })).toBe(0);
    expect(await n({ withExternalId: true })).toBe(1);
    expect(await n({ externalIds: ['a', 'c', 'zzz'] })).toBe(1);
    expect(await n({ operations: ["x'; --"] })).toBe(0);
  });

  test('what is written is in reports at once, with the rollup of its day refreshed before', async () => {
    const client = await freshLedger(engine, 'c_reports');
    await send(client, [
      { time: '2026-02-03T10:00:00Z', attributes: usage({ 'usage.id': uuidv7('2026-02-03T10:00:00Z') }) },
    ]);
    await client.command({
      query: "ALTER TABLE usage_events UPDATE ingested_at = '2026-02-03 10:00:00' WHERE 1 SETTINGS mutations_sync = 2",
    });
    await refresh(client);
    const [row] = await all(client, FEBRUARY);
    await writeCharges(client, [{ ...row!, version: nextVersion(row!, 1000), cost: '0.5', cost_source: 'provider' }]);
    const { total } = await getClientUsageSummary(client, { clientId: 'acme', ...FEBRUARY });
    expect(total.cost).toBe('0.5');
  });

  test('a version that is not higher is refused, or skipped where asked; new charges are written', async () => {
    const client = await freshLedger(engine, 'c_stale');
    const row = newCharge({
      usage_id: uuidv7(),
      time: '2026-02-03T10:00:00Z',
      service: 'x',
      operation: 'y',
      version: '1000',
    });
    expect(await writeCharges(client, [row])).toBe(1);
    await expect(writeCharges(client, [row])).rejects.toThrow(StaleCorrectionError);
    await expect(writeCharges(client, [{ ...row, version: '101' }])).rejects.toThrow(
      `version 101 of charge ${row.usage_id} is not above the ledger's 1000`,
    );
    const other = { ...row, usage_id: uuidv7() };
    expect(await writeCharges(client, [row, other], { stale: 'skip' })).toBe(1);
    expect(await rows(client, 'SELECT count() AS n FROM usage_events')).toEqual([{ n: '2' }]);
    expect(await writeCharges(client, [])).toBe(0);
  });

  test.each<[string, Partial<LedgerRow>, RegExp]>([
    ['negative cost', { cost: '-1' }, /cost "-1": expected null or a decimal text/],
    ['cost as a number', { cost: 1.5 as unknown as string }, /cost 1.5: expected/],
    ['cost of 13 decimals', { cost: '0.0000000000001' }, /cost/],
    ['empty service', { service: '' }, /service/],
    ['no version', { version: '0' }, /version "0"/],
    ['no time', { time: '2026-02-03' }, /time "2026-02-03"/],
    ['no quantity', { quantity: '' }, /quantity/],
    ['no UUID', { usage_id: 'x' }, /charge x: usage_id "x": expected a UUID/],
  ])('%s is refused before anything is written', async (_, change, message) => {
    const client = engine.client('c_stale');
    const row = newCharge({ usage_id: uuidv7(), time: '2026-02-03T10:00:00Z', service: 'x', operation: 'y' });
    const before = await rows(client, 'SELECT count() AS n FROM usage_events');
    const bad = { ...row, ...change };
    await expect(writeCharges(client, [row, bad])).rejects.toThrow(message);
    expect(await rows(client, 'SELECT count() AS n FROM usage_events')).toEqual(before);
  });
});
