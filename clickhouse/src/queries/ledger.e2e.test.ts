import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { subtractDecimals } from '../cli/format.ts';
import { backfill, getClientUsageSummary, getPeriodSummary } from './index.ts';
import {
  freshLedger,
  refresh,
  rows,
  send,
  startTestEngine,
  type TestEngine,
  type TestEvent,
  usage,
  uuidv7,
} from './testing/ledger.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startTestEngine();
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

const addDecimals = (values: string[]): string =>
  values.reduce((sum, value) => subtractDecimals(sum, `-${value}`), '0');

describe('usage_events', () => {
  test('carries every attribute as a column', async () => {
    const client = await freshLedger(engine, 'columns');
    const id = uuidv7('2026-03-01T10:00:00Z');
    await send(client, [
      {
        time: '2026-03-01T10:00:00.123456789Z',
        attributes: usage({
          'usage.id': id.toUpperCase(),
          'usage.version': '3',
          'gen_ai.usage.cache_read.input_tokens': '40',
          'gen_ai.usage.cache_creation.input_tokens': '5',
          'gen_ai.usage.reasoning.output_tokens': '7',
          'gen_ai.usage.audio.input_tokens': '1',
          'gen_ai.usage.audio.output_tokens': '2',
          'gen_ai.usage.cache_read.audio.input_tokens': '1',
          'openai.response.service_tier': 'flex',
          'usage.sku': 'text',
          'cost.estimated_amount': '0.00003',
          'cost.original_amount': '0.000025',
          'cost.original_currency': 'eur',
          'usage.quantity': '2.5',
          'usage.external_id': 'chatcmpl-1',
          'lead.id': 'lead-1',
          'message.id': 'message-1',
          'flow.execution.id': 'flow-1',
          'usage.metadata': '{"a":1}',
          'error.type': '',
        }),
      },
    ]);
    const [row] = await rows<Record<string, unknown>>(client, 'SELECT * EXCEPT ingested_at FROM usage_events_current');
    expect(row).toEqual({
      usage_id: id,
      version: '3',
      is_deleted: 0,
      is_standalone: 0,
      time: '2026-03-01T10:00:00.123456789Z',
      client_id: 'acme',
      service: 'openai',
      operation: 'chat_completion',
      provider: 'openai',
      request_model: 'gpt-4o-mini',
      response_model: 'gpt-4o-mini-2024-07-18',
      input_tokens: '100',
      output_tokens: '20',
      cache_read_tokens: '40',
      cache_creation_tokens: '5',
      reasoning_tokens: '7',
      audio_input_tokens: '1',
      audio_output_tokens: '2',
      cache_read_audio_tokens: '1',
      service_tier: 'flex',
      quantity: '2.5',
      unit: 'request',
      sku: 'text',
      cost: '0.000027',
      estimated_cost: '0.00003',
      currency: 'USD',
      original_cost: '0.000025',
      original_currency: 'EUR',
      cost_source: 'price_book',
      unpriced_reason: '',
      price_version: 'test',
      outcome: 'ok',
      error_type: '',
      external_id: 'chatcmpl-1',
      lead_id: 'lead-1',
      message_id: 'message-1',
      flow_execution_id: 'flow-1',
      metadata: '{"a":1}',
      trace_id: '0af7651916cd43dd8448eb211c80319c',
      span_id: 'b7ad6b7169203331',
      service_name: 'checkout',
      environment: 'test',
      unreadable: [],
      day: '2026-03-01',
      model: 'gpt-4o-mini',
    });
  });

  test('other log records pass by', async () => {
    const client = await freshLedger(engine, 'others');
    await send(client, [
      { time: '2026-03-01T10:00:00Z', attributes: usage(), eventName: 'something.else' },
      { time: '2026-03-01T10:00:00Z', attributes: {}, eventName: '' },
    ]);
    expect(await rows(client, 'SELECT 1 FROM usage_events')).toEqual([]);
    expect(await rows(client, 'SELECT 1 FROM usage_events_rejected')).toEqual([]);
  });
});

describe('rejected rows', () => {
  let client: ClickHouseClient;
  beforeAll(async () => {
    client = await freshLedger(engine, 'rejects');
  });

  const inTwoDays = new Date(Date.now() + 2 * 86_400_000).toISOString();
  const now = new Date().toISOString();
  const cases: [string, string, Record<string, string>, RegExp | null][] = [
    ['no id', now, { 'usage.id': '' }, /usage.id is missing/],
    ['id no UUID', now, { 'usage.id': "'; DROP TABLE usage_events --" }, /not a UUID/],
    ['id of zeros', now, { 'usage.id': '00000000-0000-0000-0000-000000000000' }, /not a UUID/],
    [
      'id from the future',
      now,
      { 'usage.id': 'ffffffff-ffff-7fff-8fff-ffffffffffff' },
      /UUIDv7 from more than one day in the future/,
    ],
    ['id from 1970', now, { 'usage.id': '00000000-0001-7000-8000-000000000000' }, /more than five years ago/],
    ['id of version 4', now, { 'usage.id': '9f0c5f1e-8a51-4c2b-9a51-0c1de4a3b6f2' }, null],
    ['version 0', now, { 'usage.version': '0' }, /usage.version/],
    ['version no number', now, { 'usage.version': '1.5' }, /usage.version/],
    ['version missing', now, { 'usage.version': '' }, null],
    ['service missing', now, { 'usage.service': '' }, /usage.service is missing/],
    ['time missing', '1970-01-01T00:00:00Z', {}, /time is missing/],
    ['time in two days', inTwoDays, {}, /future/],
    ['negative cost', now, { 'cost.amount': '-0.1' }, /cost.amount/],
    ['cost of too many decimals', now, { 'cost.amount': '0.0000000000001' }, /cost.amount/],
    ['decimals that are zeros', now, { 'cost.amount': '0.1000000000000000' }, null],
    ['cost too large', now, { 'cost.amount': '1000000' }, /cost.amount/],
    ['largest cost', now, { 'cost.amount': '999999.999999999999' }, null],
    ['cost NaN', now, { 'cost.amount': 'NaN' }, /cost.amount/],
    ['cost with exponent', now, { 'cost.amount': '1e-5' }, /cost.amount/],
    ['cost missing', now, { 'cost.amount': '', 'cost.source': 'unpriced' }, null],
    ['quantity no number', now, { 'usage.quantity': 'many' }, /usage.quantity/],
    ['negative quantity', now, { 'usage.quantity': '-1' }, /usage.quantity/],
    ['huge quantity', now, { 'usage.quantity': '9'.repeat(40) }, /usage.quantity/],
    ['client missing', now, { 'client.id': '' }, null],
    ['client of 10 kB', now, { 'client.id': 'x'.repeat(10_240) }, null],
    ['client with everything in it', now, { 'client.id': '\'"`;\n\t\u0000\u{1F4A9} OR 1=1 --' }, null],
    ['tokens 2^60', now, { 'gen_ai.usage.input_tokens': '1152921504606846976' }, null],
    ['tokens negative', now, { 'gen_ai.usage.input_tokens': '-5' }, null],
    ['metadata no JSON', now, { 'usage.metadata': '{' }, null],
  ];

  test.each(cases)('%s', async (_, time, over, reason) => {
    const marker = uuidv7();
    await send(client, [{ time, attributes: usage({ ...over, 'usage.external_id': marker }) }]);
    const kept = await rows(client, `SELECT usage_id FROM usage_events WHERE external_id = '${marker}'`);
    const rejected = await rows<{ reason: string }>(
      client,
      `SELECT reason FROM usage_events_rejected WHERE attributes['usage.external_id'] = '${marker}'`,
    );
    expect(kept.length + rejected.length).toBe(1);
    if (reason === null) expect(rejected).toEqual([]);
    else expect(rejected[0]?.reason).toMatch(reason);
  });

  test('one hostile row does not keep the others of its batch', async () => {
    const good = uuidv7();
    await send(client, [
      ...cases.map(([, time, over]) => ({ time, attributes: usage({ ...over, 'client.id': 'batch' }) })),
      { time: now, attributes: usage({ 'usage.id': good, 'client.id': 'batch' }) },
    ]);
    const [counted] = await rows<{ kept: string; lost: string }>(
      client,
      `SELECT (SELECT count() FROM usage_events WHERE client_id = 'batch') AS kept,
         (SELECT count() FROM usage_events_rejected WHERE client_id = 'batch') AS lost`,
    );
    expect(Number(counted!.kept) + Number(counted!.lost)).toBe(cases.length + 1);
    expect(await rows(client, `SELECT 1 AS one FROM usage_events WHERE usage_id = '${good}'`)).toEqual([{ one: 1 }]);
  });

  test('an unreadable token count is named and the charge is kept', async () => {
    const id = uuidv7();
    await send(client, [{ time: now, attributes: usage({ 'usage.id': id, 'gen_ai.usage.output_tokens': '1e3' }) }]);
    expect(
      await rows(client, `SELECT cost, output_tokens, unreadable FROM usage_events WHERE usage_id = '${id}'`),
    ).toEqual([{ cost: '0.000027', output_tokens: null, unreadable: ['gen_ai.usage.output_tokens'] }]);
  });
});

describe('rollups', () => {
  const day = (n: number): string => `2026-01-${String(n).padStart(2, '0')}`;
  const totals = async (client: ClickHouseClient): Promise<Record<string, string>> =>
    Object.fromEntries(
      (await getPeriodSummary(client, { from: '2023-01-01', to: '2026-12-31' })).clients.map((row) => [
        row.clientId,
        `${row.requests} ${row.totalCost}`,
      ]),
    );

  /** As if everything had arrived before the last refresh: no day is newer than its rollup. */
  const longAgo = (client: ClickHouseClient) =>
    client.command({
      query: "ALTER TABLE usage_events UPDATE ingested_at = '2026-01-05 10:00:00' WHERE 1 SETTINGS mutations_sync = 2",
    });

  test.each([1, 2, 3])(
    'are exact under resends, any batches, corrections, moves and deletions (seed %i)',
    async (seed) => {
      const random = randomFrom(seed);
      const client = await freshLedger(engine, `random_${seed}`);
      const truth = new Map<string, { version: number; client: string; cost: string; deleted: boolean }>();
      const deliveries: TestEvent[] = [];
      for (let i = 0; i < 400; i++) {
        // Around the boundaries of a year, a leap day and a month; UTC.
        const time = [
          '2023-12-31T23:59:59.999Z',
          '2024-01-01T00:00:00.000Z',
          '2024-02-29T12:00:00Z',
          '2026-01-31T23:59:59Z',
          '2026-02-01T00:00:00Z',
        ][random(5)]!;
        const id = uuidv7(random(2) === 0 ? time : Date.now());
        const versions = 1 + random(3);
        for (let version = 1; version <= versions; version++) {
          const cost = `0.${String(random(1_000_000)).padStart(12, '0')}`;
          const owner = `client-${random(5)}`;
          const deleted = version === versions && random(10) === 0;
          truth.set(id, { version, client: owner, cost, deleted });
          const attributes = usage({
            'usage.id': id,
            'usage.version': String(version),
            'client.id': owner,
            'cost.amount': cost,
            'usage.deleted': deleted ? 'true' : '',
          });
          const copies = 1 + random(5);
          for (let copy = 0; copy < copies; copy++) deliveries.push({ time, attributes });
        }
      }
      for (let i = deliveries.length - 1; i > 0; i--) {
        const j = random(i + 1);
        [deliveries[i], deliveries[j]] = [deliveries[j]!, deliveries[i]!];
      }
      const expected = (): Record<string, string> => {
        const byClient = new Map<string, string[]>();
        for (const { client: owner, cost, deleted } of truth.values()) {
          if (!deleted) byClient.set(owner, [...(byClient.get(owner) ?? []), cost]);
        }
        return Object.fromEntries(
          [...byClient].map(([owner, costs]) => [owner, `${costs.length} ${addDecimals(costs)}`]),
        );
      };
      let refreshes = 0;
      while (deliveries.length > 0) {
        await send(client, deliveries.splice(0, 1 + random(400)));
        if (random(3) === 0 && refreshes++ < 3) await refresh(client);
      }
      expect(await totals(client)).toEqual(expected());
      await refresh(client);
      expect(await totals(client)).toEqual(expected());
      await client.command({ query: 'OPTIMIZE TABLE usage_events FINAL' });
      await client.command({ query: 'OPTIMIZE TABLE usage_daily FINAL' });
      expect(await totals(client)).toEqual(expected());
    },
  );

  test('a rollup row that a correction moved to another client does not survive a refresh', async () => {
    const client = await freshLedger(engine, 'moved');
    const attributes = usage({ 'client.id': 'wrong', 'cost.amount': '5' });
    await send(client, [{ time: `${day(5)}T10:00:00Z`, attributes }]);
    await refresh(client);
    await send(client, [
      { time: `${day(5)}T10:00:00Z`, attributes: { ...attributes, 'client.id': 'right', 'usage.version': '2' } },
    ]);
    const stored = () =>
      rows(client, "SELECT client_id, cost FROM usage_daily FINAL WHERE client_id != '' ORDER BY client_id");
    // Right at once, from the ledger; and right from the rollup after its refresh, though the old row is still stored.
    expect(await totals(client)).toEqual({ right: '1 5' });
    expect(await stored()).toEqual([{ client_id: 'wrong', cost: '5' }]);
    await backfill(client, { from: day(5), to: day(5) });
    await longAgo(client);
    await refresh(client);
    expect(await totals(client)).toEqual({ right: '1 5' });
    expect(await stored()).toEqual([
      { client_id: 'right', cost: '5' },
      { client_id: 'wrong', cost: '5' },
    ]);
  });

  test('a day whose every charge was taken back becomes empty', async () => {
    const client = await freshLedger(engine, 'emptied');
    const attributes = usage({ 'cost.amount': '5' });
    await send(client, [{ time: `${day(6)}T10:00:00Z`, attributes }]);
    await refresh(client);
    await send(client, [
      { time: `${day(6)}T10:00:00Z`, attributes: { ...attributes, 'usage.deleted': 'true', 'usage.version': '2' } },
    ]);
    await refresh(client);
    expect(await totals(client)).toEqual({});
  });

  test.each([
    ['within the day', `${day(7)}T10:00:00Z`, 0],
    ['an id from just before midnight', `${day(7)}T00:00:30Z`, -60_000],
    ['an id from just after midnight', `${day(7)}T23:59:30Z`, 60_000],
  ])('a correction may move a charge to another day: both days are right at once (%s)', async (name, time, skew) => {
    const client = await freshLedger(engine, `day_moved_${name.replaceAll(' ', '_')}`);
    const attributes = usage({ 'usage.id': uuidv7(Date.parse(time) + skew), 'cost.amount': '5' });
    const costs = async () => {
      const { total, byDay } = await getClientUsageSummary(client, { clientId: 'acme', from: day(7), to: day(9) });
      return [total.cost, ...byDay.map(({ cost }) => cost)];
    };
    await send(client, [{ time, attributes }]);
    await refresh(client);
    await longAgo(client);
    expect(await costs()).toEqual(['5', '5', '0', '0']);
    await send(client, [{ time: `${day(9)}T10:00:00Z`, attributes: { ...attributes, 'usage.version': '2' } }]);
    expect(await costs()).toEqual(['5', '0', '0', '5']);
    // From the ledger before the refresh, from the rollup after it.
    await refresh(client);
    await longAgo(client);
    await refresh(client);
    expect(await costs()).toEqual(['5', '0', '0', '5']);
  });

  test('with another id the old day is right after its own backfill', async () => {
    const client = await freshLedger(engine, 'day_moved_v4');
    const attributes = usage({ 'usage.id': '9f0c5f1e-8a51-4c2b-9a51-0c1de4a3b6f2', 'cost.amount': '5' });
    await send(client, [{ time: `${day(7)}T10:00:00Z`, attributes }]);
    await refresh(client);
    await longAgo(client);
    await send(client, [{ time: `${day(9)}T10:00:00Z`, attributes: { ...attributes, 'usage.version': '2' } }]);
    expect(await backfill(client, { from: day(7), to: day(9) })).toBe(3);
    const { total, byDay } = await getClientUsageSummary(client, { clientId: 'acme', from: day(7), to: day(9) });
    expect(total.cost).toBe('5');
    expect(byDay.map(({ cost }) => cost)).toEqual(['0', '0', '5']);
  });

  test('a report reads of the ledger only the days that are newer than their rollup', async () => {
    const client = await freshLedger(engine, 'reads');
    const read = async (): Promise<number> => {
      const plan = await rows<{ explain: string }>(
        client,
        'EXPLAIN indexes = 1 SELECT sum(cost) FROM usage_daily_current',
      );
      const from = plan.findIndex(({ explain }) => explain.includes('ReadFromMergeTree (reads.usage_events)'));
      const parts = plan.slice(from).find(({ explain }) => /Parts: \d+ \|/.test(explain));
      return Number(/Parts: (\d+)/.exec(parts!.explain)![1]);
    };
    for (const n of [1, 2, 3]) await send(client, [{ time: `${day(n)}T10:00:00Z`, attributes: usage() }]);
    expect(await read()).toBe(3);
    await refresh(client);
    await longAgo(client);
    expect(await read()).toBe(0);
    expect(await totals(client)).toEqual({ acme: '3 0.000081' });
  });

  test('amounts of another currency are not added, and are visible as unpriced', async () => {
    const client = await freshLedger(engine, 'currency');
    await send(client, [
      { time: `${day(8)}T10:00:00Z`, attributes: usage({ 'cost.amount': '5', 'cost.currency': 'EUR' }) },
      { time: `${day(8)}T10:00:00Z`, attributes: usage({ 'cost.amount': '2' }) },
    ]);
    const { total } = await getClientUsageSummary(client, { clientId: 'acme', from: day(8), to: day(8) });
    expect(total).toMatchObject({ requests: 2, cost: '2', unpricedRequests: 1 });
  });
});
