import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Connection } from '../client.ts';
import { applyUpdates, getClientUsageSummary } from '../queries/index.ts';
import { freshLedger, rows, send, startTestEngine, type TestEngine, usage } from '../queries/testing/ledger.ts';
import { ledgerChecks } from './doctor-ledger.ts';
import { runCli } from './program.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine?.stop());

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(database: string, argv: string[], env: NodeJS.ProcessEnv = {}): Promise<Run> {
  let out = '';
  let err = '';
  const code = await runCli(argv, {
    stdout: (text) => {
      out += text;
    },
    stderr: (text) => {
      err += text;
    },
    env: { CLICKHOUSE_URL: engine.url, CLICKHOUSE_DATABASE: database, ...env },
    tty: false,
    now: () => new Date('2026-03-10T12:00:00Z'),
  });
  return { code, out, err };
}

const NO_MODEL = { 'gen_ai.provider.name': '', 'gen_ai.request.model': '', 'gen_ai.response.model': '' };
const NO_TOKENS = { 'gen_ai.usage.input_tokens': '', 'gen_ai.usage.output_tokens': '' };
const sms = (over: Record<string, string> = {}): Record<string, string> =>
  usage({
    ...NO_MODEL,
    ...NO_TOKENS,
    'usage.service': 'twilio_sms',
    'usage.operation': 'send_sms',
    'usage.unit': 'segment',
    'usage.quantity': '2',
    'usage.sku': 'us',
    'cost.amount': '0.0158',
    ...over,
  });

const prices = (content: unknown): string => {
  const file = join(mkdtempSync(join(tmpdir(), 'client-cost-money-')), 'prices.json');
  writeFileSync(file, JSON.stringify(content));
  return file;
};

describe('reprice', () => {
  const database = 'reprice';
  let client: ClickHouseClient;
  const stored = () => rows(client, 'SELECT * FROM usage_events ORDER BY usage_id, version, ingested_at');
  const total = async () =>
    (await getClientUsageSummary(client, { clientId: 'acme', from: '2026-02-01', to: '2026-03-31' })).total;
  const book = prices({
    prices: [
      { provider: 'openai', model: 'gpt-4o-mini', usd_per_million: { input: '0.3', output: '1.2' } },
      { provider: 'openai', model: 'mystery', from: '2026-03-01', usd_per_million: { input: '1', output: '1' } },
    ],
  });
  const argv = ['reprice', '--from', '2026-02-01', '--to', '2026-03-31'];

  beforeAll(async () => {
    client = await freshLedger(engine, database);
    const mystery = {
      'gen_ai.request.model': 'mystery',
      'gen_ai.response.model': '',
      'cost.amount': '',
      'cost.source': 'unpriced',
    };
    await send(client, [
      { time: '2026-02-05T00:00:00Z', attributes: usage() },
      { time: '2026-02-05T00:00:00Z', attributes: usage({ 'cost.amount': '9', 'cost.source': 'provider' }) },
      { time: '2026-02-06T00:00:00Z', attributes: usage({ ...mystery }) },
      { time: '2026-03-06T00:00:00Z', attributes: usage({ ...mystery }) },
      { time: '2026-03-06T00:00:00Z', attributes: usage({ 'usage.outcome': 'error', 'cost.amount': '0' }) },
      { time: '2026-04-01T00:00:00Z', attributes: usage() },
    ]);
  });

  test('a dry run changes nothing', async () => {
    const before = await stored();
    const { code, out } = await run(database, [...argv, '--dry-run'], { CLIENT_COST_PRICES: book });
    expect(code).toBe(0);
    expect(out).toMatch(/^openai +4 +2 +\$0\.000027 +\$0\.000174 +1$/m);
    expect(out).toMatch(/openai: 1 left as they are: it was recorded as not billed/);
    expect(await stored()).toEqual(before);
  });

  test('history follows the book, by the time of each call; a second run leaves the ledger as it is, byte for byte', async () => {
    const first = await run(database, [...argv, '--json'], { CLIENT_COST_PRICES: book });
    expect(JSON.parse(first.out).services).toEqual([
      expect.objectContaining({
        service: 'openai',
        read: 4,
        changed: 2,
        before: '0.000027',
        after: '0.000174',
        unpriced: 1,
      }),
    ]);
    expect(await total()).toMatchObject({ cost: '9.000174', unpricedRequests: 1 });
    const after = await stored();
    const second = await run(database, [...argv, '--json'], { CLIENT_COST_PRICES: book });
    expect(JSON.parse(second.out).services).toEqual([expect.objectContaining({ changed: 0, after: '0.000174' })]);
    expect(await stored()).toEqual(after);
    // A resend of the first version does not undo it.
    expect(
      await rows(
        client,
        "SELECT version, cost_source, price_version LIKE '%+user.%' AS own FROM usage_events_current WHERE cost = '0.000054'",
      ),
    ).toEqual([{ version: '2', cost_source: 'price_book', own: 1 }]);
  });

  test('without the file it goes back to the list prices; a broken file changes nothing', async () => {
    const before = await stored();
    const broken = await run(database, argv, { CLIENT_COST_PRICES: prices({ prices: [{ model: 'x' }] }) });
    expect(broken).toMatchObject({ code: 1, err: expect.stringContaining('prices check') });
    expect(await stored()).toEqual(before);
    await run(database, [...argv, '--service', 'twilio_sms']);
    expect(await stored()).toEqual(before);
    await run(database, argv);
    // "mystery" has no list price: it keeps what it was given.
    expect(await total()).toMatchObject({ cost: '9.000147', unpricedRequests: 1 });
    expect(await run(database, ['reprice', '--from', '2026-02-31', '--to', '2026-03-01'])).toMatchObject({ code: 2 });
  });
});

describe('bill', () => {
  const database = 'bill';
  let client: ClickHouseClient;
  const bill = async (month = '2026-02', id = 'acme') =>
    JSON.parse((await run(database, ['bill', id, '--month', month, '--json'])).out);

  beforeAll(async () => {
    client = await freshLedger(engine, database);
    await send(client, [
      { time: '2026-01-31T23:59:59.999Z', attributes: sms({ 'cost.amount': '100' }) },
      { time: '2026-02-01T00:00:00Z', attributes: sms() },
      { time: '2026-02-20T00:00:00Z', attributes: sms() },
      {
        time: '2026-02-20T00:00:00Z',
        attributes: sms({ 'usage.sku': 'gb', 'cost.amount': '', 'cost.source': 'unpriced' }),
      },
      { time: '2026-02-20T00:00:00Z', attributes: sms({ 'usage.outcome': 'error', 'cost.amount': '0' }) },
      {
        time: '2026-02-28T23:59:59.999999999Z',
        attributes: usage({ 'client.id': 'acme', 'cost.amount': '0.000000000001' }),
      },
      { time: '2026-03-01T00:00:00Z', attributes: sms() },
      { time: '2026-02-20T00:00:00Z', attributes: sms({ 'client.id': 'globex' }) },
    ]);
  });

  test('without prices of its own: list cost, and what has no price beside it', async () => {
    const made = await bill();
    expect(made).toMatchObject({
      month: '2026-02',
      listCost: '0.031600000001',
      billedCost: '0.031600000001',
      margin: '0',
      total: '0.03',
      unpricedRequests: 1,
    });
    expect(made.lines[0]).toMatchObject({
      service: 'twilio_sms',
      item: 'us',
      requests: 3,
      quantity: '6',
      billedCost: '0.0316',
      pricedBy: 'list',
    });
    const { out } = await run(database, ['bill', 'acme', '--month', '2026-02']);
    expect(out).toMatch(/^Total +\$0\.03$/m);
    expect(out).toMatch(/1 requests without a known price:\n {2}twilio_sms send_sms gb: 1/);
  });

  test("prices of the client's own hold by day and by how much they say; the ledger keeps the list cost", async () => {
    const before = await rows(client, 'SELECT * FROM usage_events ORDER BY usage_id');
    const set = (...argv: string[]) => run(database, ['clients', 'price', 'acme', '--service', 'twilio_sms', ...argv]);
    expect((await set('--per-unit', '0.02', '--from', '2026-02-10')).code).toBe(0);
    expect((await set('--sku', 'gb', '--per-unit', '0.05')).code).toBe(0);
    expect((await set('--operation', 'receive_sms', '--per-unit', '7')).code).toBe(0);
    await run(database, [
      'clients',
      'price',
      'acme',
      '--service',
      'openai',
      '--model',
      'gpt-4o-mini',
      '--per-million',
      '0.3',
      '1.2',
    ]);
    await run(database, ['clients', 'price', 'globex', '--service', 'twilio_sms', '--per-unit', '3']);
    const made = await bill();
    // 1 Feb at list 0.0158, 20 Feb 2 × 0.02, gb 2 × 0.05; the failed one is free; 100 × 0.3 + 20 × 1.2 per million.
    expect(made).toMatchObject({
      billedCost: '0.155854',
      listCost: '0.031600000001',
      total: '0.16',
      unpricedRequests: 0,
    });
    expect(made.lines.map((line: { billedCost: string }) => line.billedCost)).toEqual([
      '0.1',
      '0.04',
      '0.0158',
      '0.000054',
    ]);
    expect(await rows(client, 'SELECT * FROM usage_events ORDER BY usage_id')).toEqual(before);
    const { out } = await run(database, ['clients', 'price', 'acme']);
    expect(out).toMatch(/acme +twilio_sms +any +any +gb +– +– +\$0\.05 per unit/);
    expect((await set('--sku', 'gb', '--remove')).code).toBe(0);
    // The price that says less holds then.
    expect(await bill()).toMatchObject({ billedCost: '0.095854' });
    expect(await set('--sku', 'gb', '--remove')).toMatchObject({
      code: 1,
      err: expect.stringContaining('no such price'),
    });
  });

  test('what was used is not known: no price of the client makes a 0 of it; it is at list cost, or counted', async () => {
    const id = 'unknown';
    const unpriced = { 'cost.amount': '', 'cost.source': 'unpriced' };
    const call = (over: Record<string, string>) =>
      sms({
        'client.id': id,
        'usage.service': 'twilio_voice',
        'usage.operation': 'outbound_call',
        'usage.unit': 'minute',
        'usage.quantity': '3',
        'cost.amount': '0.042',
        ...over,
      });
    const chat = (over: Record<string, string> = {}) => usage({ 'client.id': id, ...over });
    await send(
      client,
      [
        call({}),
        // Has not ended; nobody knows whether it is billed; the provider's price came without a length; nobody answered.
        call({ 'usage.quantity': '0', ...unpriced }),
        call({ 'usage.quantity': '1', 'usage.outcome': 'error', ...unpriced }),
        call({ 'usage.quantity': '0', 'cost.amount': '0.014', 'cost.source': 'provider' }),
        call({ 'usage.quantity': '0', 'cost.amount': '0' }),
        chat(),
        chat({ ...NO_TOKENS, ...unpriced }),
        chat({ ...NO_TOKENS, 'cost.amount': '0.5', 'cost.source': 'provider' }),
      ].map((attributes) => ({ time: '2026-02-20T00:00:00Z', attributes })),
    );
    const set = (...argv: string[]) => run(database, ['clients', 'price', id, '--service', ...argv]);
    expect((await set('twilio_voice', '--per-unit', '0.02')).code).toBe(0);
    expect((await set('openai', '--per-million', '1', '2')).code).toBe(0);
    const made = await bill('2026-02', id);
    // 3 × 0.02 and 0.014; 100 × 1 + 20 × 2 per million and 0.5.
    expect(made).toMatchObject({ listCost: '0.556027', billedCost: '0.57414', total: '0.57', unpricedRequests: 3 });
    expect(
      made.lines.map((line: { service: string; pricedBy: string; billedCost: string; unpricedRequests: number }) => [
        line.service,
        line.pricedBy,
        line.billedCost,
        line.unpricedRequests,
      ]),
    ).toEqual([
      ['openai', 'list', '0.5', 1],
      ['twilio_voice', 'client', '0.06', 1],
      ['twilio_voice', 'list', '0.014', 1],
      ['openai', 'client', '0.00014', 0],
    ]);
  });

  test('margin: percent, fixed, both; rounded to cents once, half away from zero', async () => {
    expect((await run(database, ['clients', 'margin', 'acme', '--percent', '12.5', '--fixed', '20'])).out).toBe(
      'margin of acme: 12.5 % and $20.00 a month\n',
    );
    expect(await bill()).toMatchObject({
      margin: '20.01198175',
      total: '20.11',
      marginPercent: '12.5',
      marginFixed: '20',
    });
    // Thresholds set later keep it.
    await run(database, ['clients', 'set', 'acme', '--name', 'Acme', '--warning', '5']);
    const { out } = await run(database, ['bill', 'acme', '--month', '2026-02']);
    expect(out).toMatch(/^Bill of Acme \(acme\), 2026-02\n/);
    expect(out).toMatch(/^Margin \(12\.5 % and \$20\.00 a month\) +\$20\.011982$/m);
    await run(database, ['clients', 'margin', 'acme', '--percent', 'none', '--fixed', '0.01']);
    await send(client, [
      { time: '2026-05-01T00:00:00Z', attributes: usage({ 'client.id': 'half', 'cost.amount': '0.005' }) },
    ]);
    expect(await bill('2026-05', 'half')).toMatchObject({ total: '0.01' });
    // A month without usage: the fixed margin alone.
    expect(await bill('2025-01')).toMatchObject({ lines: [], billedCost: '0', margin: '0.01', total: '0.01' });
  });

  test.each<[string, string[], RegExp]>([
    ['bad month', ['bill', 'acme', '--month', '2026-2'], /month "2026-2"/],
    ['no client', ['bill', ''], /client id/],
    ['negative price', ['clients', 'price', 'acme', '--service', 'x', '--per-unit=-1'], /price per unit "-1"/],
    ['13 decimals', ['clients', 'price', 'acme', '--service', 'x', '--per-unit', '0.0000000000001'], /12 decimals/],
    ['no service', ['clients', 'price', 'acme', '--per-unit', '1'], /--service/],
    ['no price', ['clients', 'price', 'acme', '--service', 'x'], /--per-unit/],
    ['one token price', ['clients', 'price', 'acme', '--service', 'x', '--per-million', '1'], /two prices/],
    ['two kinds', ['clients', 'price', 'a', '--service', 'x', '--per-unit', '1', '--per-million', '1', '2'], /exclude/],
    [
      'to before from',
      ['clients', 'price', 'a', '--service', 'x', '--per-unit', '1', '--from', '2026-03-01', '--to', '2026-03-01'],
      /not before/,
    ],
    ['margin', ['clients', 'margin', 'acme', '--percent', 'much'], /margin percent "much"/],
  ])('%s: exit code 2 and the way out', async (_, argv, message) => {
    expect(await run(database, argv)).toMatchObject({ code: 2, err: expect.stringMatching(message) });
  });
});

describe('coverage', () => {
  const database = 'coverage';
  beforeAll(async () => {
    const client = await freshLedger(engine, database);
    const settled = {
      'usage.version': '1000',
      'cost.source': 'provider',
      'cost.amount': '0.0172',
      'cost.estimated_amount': '0.0158',
    };
    await send(client, [
      { time: '2026-03-01T00:00:00Z', attributes: sms(settled) },
      { time: '2026-03-01T00:00:00Z', attributes: sms({ ...settled, 'cost.amount': '0.015' }) },
      { time: '2026-03-01T00:00:00Z', attributes: sms({ 'client.id': 'globex' }) },
      { time: '2026-03-02T00:00:00Z', attributes: usage({ 'cost.source': 'provider' }) },
      {
        time: '2026-03-02T00:00:00Z',
        attributes: sms({
          'usage.sku': 'gb',
          'cost.amount': '',
          'cost.source': 'unpriced',
          'cost.unpriced_reason': 'no price is known for twilio_sms send_sms per segment (gb)',
        }),
      },
    ]);
  });

  test('says what has no price and why, and what was estimated beside what was settled', async () => {
    const { code, out } = await run(database, ['coverage']);
    expect(code).toBe(0);
    expect(out).toMatch(/^2026-03-01 +twilio_sms +3 +0 +0 +100\.00 %$/m);
    expect(out).toMatch(/^2026-03-02 +twilio_sms +1 +1 +0 +0\.00 %$/m);
    expect(out).toMatch(/^twilio_sms +send_sms +gb +1 +no price is known for twilio_sms send_sms per segment \(gb\)$/m);
    expect(out).toMatch(/^twilio_sms +2 +\$0\.0316 +\$0\.0322 +\$0\.0006$/m);
    const json = JSON.parse(
      (await run(database, ['coverage', '--from', '2026-03-02', '--to', '2026-03-02', '--json'])).out,
    );
    expect(json.days).toHaveLength(2);
    expect(json.settlement).toContainEqual(
      expect.objectContaining({ service: 'openai', providerRequests: 1, settledRequests: 0, difference: '0' }),
    );
    expect((await run(database, ['coverage', '--month', '2025-01'])).out).toMatch(/No usage/);
  });

  test("one client's report has the settlement, where there is one", async () => {
    expect((await run(database, ['report', '--client', 'acme'])).out).toMatch(
      /^twilio_sms +2 +\$0\.0316 +\$0\.0322 +\$0\.0006$/m,
    );
    expect((await run(database, ['report', '--client', 'globex'])).out).not.toMatch(/Settled/);
  });
});

describe('doctor', () => {
  test('says that a query may read a table as of two moments', async () => {
    const client = await freshLedger(engine, 'doctor_snapshots');
    const old = { enable_shared_storage_snapshot_in_query: 0 } as const;
    const under = (settings: object) =>
      new Proxy(client, {
        get: (target, key) =>
          key === 'query'
            ? (params: Parameters<typeof client.query>[0]) =>
                target.query({ ...params, clickhouse_settings: { ...params.clickhouse_settings, ...settings } })
            : Reflect.get(target, key),
      });
    const says = async (settings: object) => {
      const states: string[] = [];
      const checks = ledgerChecks(under(settings), { database: 'doctor_snapshots' } as Connection, new Date());
      for await (const { hop, state } of checks) if (hop === 'ClickHouse') states.push(state);
      return states;
    };
    expect(await says({})).toEqual(['ok']);
    expect(await says(old)).toEqual(['ok', 'fail']);
  });

  test('says which later reports found no charge', async () => {
    const client = await freshLedger(engine, 'doctor_updates');
    const now = new Date().toISOString();
    const says = async (): Promise<string> =>
      /^.*updates .*$/m.exec((await run('doctor_updates', ['doctor', '--no-collector'])).out)?.[0] ?? '';
    expect(await says()).toMatch(/ok +updates/);
    await send(client, [
      { time: now, attributes: sms({ 'usage.update': 'true', 'usage.version': '100', 'usage.external_id': 'SM1' }) },
    ]);
    await client.command({
      query:
        'ALTER TABLE usage_updates UPDATE ingested_at = ingested_at - INTERVAL 2 HOUR WHERE 1 SETTINGS mutations_sync = 2',
    });
    expect(await says()).toMatch(/FAIL +updates +1 wait for more than an hour/);
    await applyUpdates(client);
    await client.command({
      query:
        'ALTER TABLE usage_events UPDATE ingested_at = ingested_at - INTERVAL 2 HOUR WHERE 1 SETTINGS mutations_sync = 2',
    });
    expect(await says()).toMatch(
      /warn +updates +1 charges in 8 days are known from callbacks alone, mostly twilio_sms/,
    );
  });
});
