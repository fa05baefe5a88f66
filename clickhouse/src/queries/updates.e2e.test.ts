import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nextVersion, readCharges, writeCharges } from '../corrections/index.ts';
import { migrate } from '../migrate/index.ts';
import { applyUpdates, getClientUsageSummary } from './index.ts';
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

const now = (): string => new Date().toISOString();

/** A phone call as its creation reports it: known, not yet priced. */
function creation(over: Record<string, string> = {}, time = now()): TestEvent {
  return {
    time,
    attributes: usage({
      'usage.id': uuidv7(time),
      'usage.service': 'twilio_voice',
      'usage.operation': 'outbound_call',
      'gen_ai.provider.name': '',
      'gen_ai.request.model': '',
      'gen_ai.response.model': '',
      'gen_ai.usage.input_tokens': '',
      'gen_ai.usage.output_tokens': '',
      'usage.unit': 'minute',
      'usage.sku': 'us',
      'cost.amount': '',
      'cost.source': 'unpriced',
      'usage.external_id': 'CA1',
      'lead.id': 'lead-7',
      ...over,
    }),
  };
}

/** Its end, as a process reports it that did not make the call. */
function update(over: Record<string, string> = {}, time = now()): TestEvent {
  const { attributes } = creation({}, time);
  return {
    time,
    attributes: Object.fromEntries(
      Object.entries({
        ...attributes,
        'usage.id': uuidv7(time),
        'usage.version': '100',
        'usage.update': 'true',
        'client.id': '',
        'usage.quantity': '3',
        'usage.sku': '',
        'cost.amount': '0.042',
        'cost.source': 'price_book',
        'lead.id': '',
        ...over,
      }).filter(([, value]) => value !== ''),
    ),
  };
}

interface Charge {
  usage_id: string;
  version: string;
  client_id: string;
  quantity: string;
  cost: string | null;
  is_standalone: number;
}

const charges = (client: ClickHouseClient) =>
  rows<Charge>(
    client,
    'SELECT usage_id, version, client_id, quantity, cost, is_standalone FROM usage_events_current ORDER BY usage_id',
  );

/** As if everything had come in that long ago. */
async function age(client: ClickHouseClient, minutes: number): Promise<void> {
  for (const table of ['usage_updates', 'usage_events']) {
    await client.command({
      query: `ALTER TABLE ${table} UPDATE ingested_at = ingested_at - INTERVAL ${minutes} MINUTE WHERE 1 SETTINGS mutations_sync = 2`,
    });
  }
}

const apply = (client: ClickHouseClient) => refresh(client, 'usage_updates_apply');

describe('an update', () => {
  test('becomes the next version of its charge, which keeps id, client, context, time and price list name', async () => {
    const client = await freshLedger(engine, 'upd_after');
    const made = creation({}, '2026-11-01T10:00:00.5Z');
    await send(client, [made]);
    await send(client, [update()]);
    expect(await rows(client, 'SELECT count() AS n FROM usage_events')).toEqual([{ n: '1' }]);
    await apply(client);
    const after = await rows(client, 'SELECT * EXCEPT (ingested_at, trace_id, span_id) FROM usage_events_current');
    expect(after).toEqual([
      expect.objectContaining({
        usage_id: made.attributes['usage.id'],
        version: '100',
        time: '2026-11-01T10:00:00.500000000Z',
        client_id: 'acme',
        lead_id: 'lead-7',
        sku: 'us',
        operation: 'outbound_call',
        quantity: '3',
        cost: '0.042',
        cost_source: 'price_book',
        is_standalone: 0,
      }),
    ]);
    // The rollups follow on the day of the call.
    const summary = await getClientUsageSummary(client, { clientId: 'acme', from: '2026-11-01', to: '2026-11-01' });
    expect(summary.total).toMatchObject({ requests: 1, cost: '0.042', unpricedRequests: 0 });
  });

  test('twice, in two batches, and applied again and again: one charge, nothing more is written', async () => {
    const client = await freshLedger(engine, 'upd_twice');
    await send(client, [creation()]);
    await send(client, [update()]);
    await apply(client);
    await send(client, [update(), update()]);
    const written = () => rows<{ n: string }>(client, 'SELECT count() AS n FROM usage_events');
    const before = await written();
    await apply(client);
    expect(await applyUpdates(client)).toBe(0);
    expect(await written()).toEqual(before);
    await client.command({ query: 'OPTIMIZE TABLE usage_events FINAL' });
    await client.command({ query: 'OPTIMIZE TABLE usage_updates FINAL' });
    expect(await applyUpdates(client)).toBe(0);
    expect(await charges(client)).toEqual([expect.objectContaining({ cost: '0.042', client_id: 'acme' })]);
  });

  test('before its creation: it waits', async () => {
    const client = await freshLedger(engine, 'upd_before');
    await send(client, [update()]);
    await apply(client);
    expect(await charges(client)).toEqual([]);
    await age(client, 4);
    await send(client, [creation()]);
    await apply(client);
    expect(await charges(client)).toEqual([
      expect.objectContaining({ version: '100', cost: '0.042', client_id: 'acme', is_standalone: 0 }),
    ]);
  });

  test('whose creation does not arrive becomes a charge, and steps back when it does', async () => {
    const client = await freshLedger(engine, 'upd_alone');
    const alone = update({ 'client.id': 'globex' });
    await send(client, [alone]);
    await age(client, 6);
    await apply(client);
    expect(await charges(client)).toEqual([
      {
        usage_id: alone.attributes['usage.id'],
        version: '100',
        client_id: 'globex',
        quantity: '3',
        cost: '0.042',
        is_standalone: 1,
      },
    ]);
    await apply(client);
    await age(client, 10_000);
    const made = creation();
    await send(client, [made]);
    await apply(client);
    const right = [
      {
        usage_id: made.attributes['usage.id'],
        version: '100',
        client_id: 'acme',
        quantity: '3',
        cost: '0.042',
        is_standalone: 0,
      },
    ];
    expect(await charges(client)).toEqual(right);
    expect(await applyUpdates(client)).toBe(0);
    // Nothing of it is left on the other client's bill.
    const [summary] = await Promise.all(
      ['globex'].map((clientId) =>
        getClientUsageSummary(client, { clientId, from: '2026-01-01', to: now().slice(0, 10) }),
      ),
    );
    expect(summary!.total.requests).toBe(0);
  });

  test.each([
    ['first', 'on another day'],
    ['last', 'on another day'],
    ['first', 'under the same id'],
    ['last', 'under the same id'],
  ])('that says as much as its charge and comes %s, %s: one charge', async (when, how) => {
    const client = await freshLedger(engine, `upd_${when}_${how.replaceAll(' ', '_')}`);
    // A recording, whose end two processes are told: by its own callback, and after midnight by that of its call.
    const kind = { 'usage.operation': 'recording', 'usage.external_id': 'RE1', 'usage.version': '100' };
    const yesterday = new Date(Date.now() - 86_400_000).toISOString();
    const own = creation(
      { ...kind, 'usage.quantity': '3', 'cost.amount': '0.042', 'cost.source': 'price_book' },
      yesterday,
    );
    // Both derive the id from the recording's name and a day.
    const told = update(how === 'on another day' ? kind : { ...kind, 'usage.id': own.attributes['usage.id']! });
    for (const event of when === 'first' ? [told, own] : [own, told]) {
      await send(client, [event]);
      if (event === told) await age(client, 6);
      await apply(client);
    }
    expect(await charges(client)).toMatchObject([
      { usage_id: own.attributes['usage.id'], cost: '0.042', version: '100', is_standalone: 0 },
    ]);
    expect(await applyUpdates(client)).toBe(0);
  });

  test('that became a charge and was settled: the figures go to the creation when it arrives', async () => {
    const client = await freshLedger(engine, 'upd_settled_alone');
    const day = now().slice(0, 10);
    await send(client, [update()]);
    await age(client, 6);
    await apply(client);
    for await (const page of readCharges(client, { from: day, to: day })) {
      await writeCharges(
        client,
        page.map((row) => ({ ...row, version: nextVersion(row, 1000), cost: '0.05', cost_source: 'provider' })),
      );
    }
    await send(client, [creation()]);
    await apply(client);
    expect(await charges(client)).toEqual([
      expect.objectContaining({ version: '1000', cost: '0.05', client_id: 'acme', is_standalone: 0 }),
    ]);
    expect(await applyUpdates(client)).toBe(0);
  });

  test('newer ones of other processes change a standalone charge, whatever their id', async () => {
    const client = await freshLedger(engine, 'upd_newer_alone');
    await send(client, [update({ 'usage.version': '50', 'cost.amount': '0.01' })]);
    await age(client, 6);
    await apply(client);
    await send(client, [update()]);
    await apply(client);
    expect(await charges(client)).toEqual([expect.objectContaining({ version: '100', cost: '0.042' })]);
    await send(client, [creation()]);
    await apply(client);
    expect(await charges(client)).toEqual([
      expect.objectContaining({ version: '100', cost: '0.042', is_standalone: 0 }),
    ]);
  });

  test('names the client of a charge without one, and no other', async () => {
    const client = await freshLedger(engine, 'upd_client');
    await send(client, [
      creation({ 'usage.external_id': 'CA1', 'client.id': '' }),
      creation({ 'usage.external_id': 'CA2', 'client.id': 'globex' }),
    ]);
    await send(client, [
      update({ 'usage.external_id': 'CA1', 'client.id': 'acme' }),
      update({ 'usage.external_id': 'CA2', 'client.id': 'acme' }),
    ]);
    await apply(client);
    expect((await charges(client)).map(({ client_id }) => client_id)).toEqual(['acme', 'globex']);
  });

  test('late does not change what is settled; a newer report of the provider says what was estimated', async () => {
    const client = await freshLedger(engine, 'upd_settled');
    const settled = creation({ 'usage.version': '1000', 'cost.amount': '0.05', 'cost.source': 'provider' });
    await send(client, [settled]);
    await send(client, [update()]);
    await apply(client);
    expect(await charges(client)).toEqual([expect.objectContaining({ version: '1000', cost: '0.05' })]);

    await send(client, [
      creation({ 'usage.external_id': 'CA2', 'cost.amount': '0.014', 'cost.source': 'estimated', 'client.id': 'b' }),
      update({
        'usage.external_id': 'CA2',
        'cost.amount': '0.013',
        'cost.source': 'provider',
        'cost.original_amount': '0.012',
        'cost.original_currency': 'eur',
      }),
    ]);
    await apply(client);
    expect(
      await rows(
        client,
        "SELECT cost, estimated_cost, original_cost, original_currency FROM usage_events_current WHERE external_id = 'CA2'",
      ),
    ).toEqual([{ cost: '0.013', estimated_cost: '0.014', original_cost: '0.012', original_currency: 'EUR' }]);
  });

  test('days late, after the look-back of the frequent view, is found by the wide one and by the command', async () => {
    const client = await freshLedger(engine, 'upd_late');
    const old = new Date(Date.now() - 60 * 86_400_000).toISOString();
    const recent = new Date(Date.now() - 5 * 86_400_000).toISOString();
    await send(client, [creation({}, old), creation({ 'usage.external_id': 'CA5' }, recent)]);
    await age(client, 5 * 1_440);
    await send(client, [update()]);
    await apply(client);
    expect((await charges(client)).map(({ cost }) => cost)).toEqual([null, null]);
    await send(client, [update({ 'usage.external_id': 'CA5' })]);
    await apply(client);
    // Beside the old one, the look back reaches the younger.
    expect((await charges(client)).map(({ cost }) => cost)).toEqual([null, '0.042']);
    await refresh(client, 'usage_updates_wide_apply');
    expect((await charges(client)).map(({ cost }) => cost)).toEqual(['0.042', '0.042']);
    expect(await applyUpdates(client)).toBe(0);
  });

  test('takes a charge back where it says so, and brings none back that was taken back', async () => {
    const client = await freshLedger(engine, 'upd_deleted');
    const gone = creation({ 'usage.external_id': 'CA2' });
    await send(client, [
      creation(),
      gone,
      { ...gone, attributes: { ...gone.attributes, 'usage.version': '2', 'usage.deleted': 'true' } },
    ]);
    await send(client, [update({ 'usage.deleted': 'true' }), update({ 'usage.external_id': 'CA2' })]);
    await age(client, 6);
    await apply(client);
    await applyUpdates(client);
    expect(await charges(client)).toEqual([]);
  });

  test('without an external id is a charge; a rejected one is in neither table', async () => {
    const client = await freshLedger(engine, 'upd_bad');
    await send(client, [update({ 'usage.external_id': '' }), update({ 'cost.amount': '-1' })]);
    expect((await charges(client)).map(({ cost }) => cost)).toEqual(['0.042']);
    expect(await rows(client, 'SELECT count() AS n FROM usage_updates')).toEqual([{ n: '0' }]);
    expect(await rows(client, 'SELECT count() AS n FROM usage_events_rejected')).toEqual([{ n: '1' }]);
  });
});

test('any order of creations, updates and applications gives the same ledger', async () => {
  const client = await freshLedger(engine, 'upd_orders');
  const orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]; // biome-ignore format: a table
  for (const [n, order] of orders.entries()) {
    const external = { 'usage.external_id': `CA-${n}` };
    const events = [
      creation(external),
      update({ ...external, 'usage.version': '50', 'cost.amount': '0.01' }),
      update({ ...external, 'usage.version': '100' }),
    ];
    for (const index of order) {
      await send(client, [events[index]!]);
      await applyUpdates(client, { waitSeconds: n % 2 === 0 ? 0 : 300 });
    }
  }
  expect(await charges(client)).toEqual(
    orders.map(() => expect.objectContaining({ version: '100', cost: '0.042', client_id: 'acme', is_standalone: 0 })),
  );
});

test('the running view does it by itself, within its interval', async () => {
  await migrate({ client: engine.admin, database: 'upd_running', updateSeconds: 1, updateWaitSeconds: 2 });
  const client = engine.client('upd_running');
  await send(client, [creation(), update(), update({ 'usage.external_id': 'CA-alone' })]);
  await expect
    .poll(async () => (await charges(client)).map(({ cost }) => cost), { timeout: 15_000, interval: 300 })
    .toEqual(['0.042', '0.042']);
});

test('a changed interval and waiting time reach existing views', async () => {
  const text = async () =>
    (
      await rows<{ sql: string }>(
        engine.admin,
        "SELECT create_table_query AS sql FROM system.tables WHERE database = 'upd_tuned' AND name LIKE 'usage_updates_%apply' ORDER BY name",
      )
    ).map(({ sql }) => sql);
  await migrate({ client: engine.admin, database: 'upd_tuned' });
  const change = { client: engine.admin, database: 'upd_tuned', updateSeconds: 3, updateWaitSeconds: 45 };
  expect((await migrate(change)).steps.map(({ direction }) => direction)).toEqual(['tune']);
  const [frequent, wide] = await text();
  expect(frequent).toMatch(/REFRESH EVERY 3 SECOND/);
  expect(frequent).toMatch(/toIntervalSecond\(45\) AS waiting/);
  expect(wide).toMatch(/toIntervalSecond\(45\) AS waiting/);
  expect((await migrate(change)).steps).toEqual([]);
});
