import { spawn } from 'node:child_process';
import { once as onceEmitted } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createStripeStandIn, type StripeStandIn } from '../../../examples/src/stand-ins/stripe/index.ts';
import { runCli } from '../cli/program.ts';
import { newCharge, writeCharges } from '../corrections/index.ts';
import { type TestServer, testServer } from '../provider-api/testing/server.ts';
import { freshLedger, rows, send, startTestEngine, type TestEngine, usage, uuidv7 } from '../queries/testing/ledger.ts';

const ACCOUNT = `AC${'1'.repeat(32)}`;
const TOKEN = 'the-secret-token-of-this-test';
const NOW = '2026-02-10T12:00:00Z';

let engine: TestEngine;
let client: ClickHouseClient;
let database: string;
let counter = 0;
let stateDir: string;

beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine?.stop());
beforeEach(async () => {
  database = `settle_${++counter}`;
  client = await freshLedger(engine, database);
  stateDir = mkdtempSync(join(tmpdir(), 'client-cost-settle-'));
});

async function run(argv: readonly string[], env: NodeJS.ProcessEnv = {}) {
  let out = '';
  let err = '';
  const code = await runCli([...argv, ...(argv[0] === 'settle' ? ['--state-dir', stateDir] : [])], {
    stdout: (text) => {
      out += text;
    },
    stderr: (text) => {
      err += text;
    },
    env: {
      CLICKHOUSE_URL: engine.url,
      CLICKHOUSE_DATABASE: database,
      TWILIO_ACCOUNT_SID: ACCOUNT,
      TWILIO_AUTH_TOKEN: TOKEN,
      STRIPE_API_KEY: `sk_test_${TOKEN}`,
      OPENAI_API_KEY: `sk-${TOKEN}`,
      ...env,
    },
    tty: false,
    now: () => new Date(NOW),
  });
  expect(out + err).not.toContain(TOKEN);
  return { code, out, err };
}

/** Every row that counts, all columns but the time of its arrival. */
const ledger = (columns = '* EXCEPT(ingested_at)') =>
  rows<Record<string, unknown>>(
    client,
    `SELECT ${columns} FROM usage_events FINAL WHERE NOT is_deleted ORDER BY external_id, usage_id`,
  );
const stored = async () => (await rows<{ n: string }>(client, 'SELECT count() AS n FROM usage_events'))[0]!.n;

interface Twilio extends TestServer {
  /** By SID; a change is seen by the next request. */
  readonly things: Map<string, Record<string, unknown>>;
  /** Answers to the coming requests, before anything else. */
  readonly failures: { status: number; headers?: Record<string, string> }[];
}

const sid = (prefix: string, n: number): string => prefix + String(n).padStart(32, '0');

/** Messages, calls and recordings of one account, in pages of five. */
async function twilio(): Promise<Twilio> {
  const things: Twilio['things'] = new Map();
  const failures: Twilio['failures'] = [];
  const lists: Record<string, RegExp> = { Messages: /^(SM|MM)/, Calls: /^CA/, Recordings: /^RE/ };
  const server = await testServer(({ pathname, searchParams }) => {
    const failure = failures.shift();
    if (failure) return failure;
    const [, account, kind = '', one] =
      /^\/2010-04-01\/Accounts\/(\w+)\/(\w+?)(?:\/(\w+))?\.json$/.exec(pathname) ?? [];
    if (account !== ACCOUNT) return { status: 404 };
    if (one !== undefined) return things.has(one) ? { body: things.get(one) } : { status: 404 };
    const all = [...things.values()].filter((thing) => lists[kind]?.test(String(thing.sid)));
    const page = Number(searchParams.get('Page') ?? 0);
    const next = all.length > (page + 1) * 5 ? `${pathname}?Page=${page + 1}` : null;
    return { body: { [kind.toLowerCase()]: all.slice(page * 5, page * 5 + 5), next_page_uri: next } };
  });
  return Object.assign(server, { things, failures });
}

function sms(n: number, over: Record<string, string> = {}) {
  const time = `2026-02-0${1 + (n % 5)}T10:00:00Z`;
  return {
    time,
    attributes: usage({
      'usage.id': uuidv7(time),
      'usage.service': 'twilio_sms',
      'usage.operation': 'send_sms',
      'usage.unit': 'segment',
      'usage.sku': 'us_ca',
      'usage.external_id': sid('SM', n),
      'cost.amount': '0.0079',
      'gen_ai.provider.name': '',
      'gen_ai.request.model': '',
      'gen_ai.response.model': '',
      'gen_ai.usage.input_tokens': '',
      'gen_ai.usage.output_tokens': '',
      ...over,
    }),
  };
}
const delivered = (n: number, over: object = {}) => ({
  sid: sid('SM', n),
  status: 'delivered',
  price: '-0.01080',
  price_unit: 'USD',
  num_segments: '1',
  num_media: '0',
  error_code: null,
  ...over,
});

describe('twilio', () => {
  let api: Twilio;
  beforeEach(async () => {
    api = await twilio();
  });
  afterEach(() => api.close());
  const settle = (...more: string[]) =>
    run(['settle', 'twilio', '--since', '2026-02-01', '--api-url', api.url, '--rate', '1000', ...more]);

  test('messages, calls, recordings, failures; twice is once; the price that comes later', async () => {
    const voice = {
      'usage.service': 'twilio_voice',
      'usage.unit': 'minute',
      'cost.amount': '',
      'cost.source': 'unpriced',
    };
    await send(client, [
      sms(1),
      sms(2, { 'cost.source': 'estimated' }),
      sms(3),
      sms(4),
      sms(5, { 'usage.external_id': sid('SM', 5), 'cost.source': 'provider', 'cost.amount': '0.5' }),
      sms(6, { 'usage.external_id': '' }),
      sms(7, {
        ...voice,
        'usage.operation': 'outbound_call',
        'usage.external_id': sid('CA', 7),
        'usage.quantity': '0',
      }),
      sms(8, { ...voice, 'usage.operation': 'recording', 'usage.external_id': sid('RE', 8), 'usage.quantity': '0' }),
      sms(9, {
        'usage.service': 'twilio_phone',
        'usage.operation': 'provision_number',
        'usage.unit': 'number_month',
        'usage.external_id': sid('PN', 9),
        'cost.amount': '1.15',
      }),
      sms(10, { 'usage.external_id': sid('SM', 404) }),
    ]);
    for (const thing of [
      delivered(1),
      delivered(2, { num_segments: '3', price: '-0.03240' }),
      delivered(3, { status: 'failed', price: null, error_code: 30003 }),
      delivered(4, { price: null }),
      { sid: sid('CA', 7), status: 'completed', duration: '61', price: '-0.02800', price_unit: 'USD' },
      { sid: sid('RE', 8), status: 'completed', duration: '30', price: '-0.00250', price_unit: 'USD' },
    ])
      api.things.set(thing.sid, thing);

    const before = await ledger();
    const dry = await settle('--dry-run');
    expect(dry.out).toMatch(/Would settle/);
    expect(await ledger()).toEqual(before);

    const { code, out } = await settle();
    expect(code).toBe(0);
    // Recorded, settled before, settled, unchanged, not yet priced, not found, not asked, estimate, settled cost, difference.
    expect(out).toMatch(/^twilio_sms +7 +1 +3 +0 +1 +1 +1 +\$0\.0237 +\$0\.0442 +\$0\.0205$/m);
    expect(out).toMatch(/^twilio_voice +2 +0 +2 +0 +0 +0 +0 +\$0\.00 +\$0\.0305 +\$0\.0305$/m);
    expect(out).toMatch(/^twilio_phone +1 +0 +0 +0 +0 +0 +1 /m);
    expect(out).toMatch(/1 have no price at the provider yet/);
    const columns =
      'external_id, toString(version) AS version, cost, estimated_cost, cost_source, toString(quantity) AS quantity, sku, outcome, client_id, toString(time) AS time';
    const after = await ledger(columns);
    const of = (id: string) => after.find(({ external_id }) => external_id === id);
    expect(of(sid('SM', 1))).toEqual({
      external_id: sid('SM', 1),
      version: '1000',
      cost: '0.0108',
      estimated_cost: '0.0079',
      cost_source: 'provider',
      quantity: '1',
      sku: 'us_ca',
      outcome: 'ok',
      client_id: 'acme',
      time: '2026-02-02 10:00:00.000000000',
    });
    expect(of(sid('SM', 2))).toMatchObject({ cost: '0.0324', quantity: '3', cost_source: 'provider' });
    expect(of(sid('SM', 3))).toMatchObject({
      cost: '0.001',
      sku: 'failed',
      outcome: 'error',
      cost_source: 'price_book',
    });
    expect(of(sid('SM', 4))).toMatchObject({ version: '1', cost: '0.0079', cost_source: 'price_book' });
    expect(of(sid('SM', 5))).toMatchObject({ version: '1', cost: '0.5' });
    expect(of(sid('CA', 7))).toMatchObject({ cost: '0.028', quantity: '2', estimated_cost: null });
    expect(of(sid('RE', 8))).toMatchObject({ cost: '0.0025', quantity: '1' });
    expect(of(sid('PN', 9))).toMatchObject({ version: '1', cost: '1.15', cost_source: 'price_book' });

    const once = await ledger();
    const count = await stored();
    expect((await settle()).out).toMatch(/^twilio_sms +7 +3 +0 +1 +1 +1 +1 /m);
    expect(await ledger()).toEqual(once);
    expect(await stored()).toBe(count);

    api.things.set(sid('SM', 4), delivered(4));
    expect((await settle()).out).toMatch(/^twilio_sms +7 +3 +1 +1 +0 +1 +1 /m);
    expect((await ledger(columns)).find(({ external_id }) => external_id === sid('SM', 4))).toMatchObject({
      cost: '0.0108',
      version: '1000',
    });
    expect((await run(['report', '--month', '2026-02', '--format', 'json'])).out).toContain('"totalCost"');
  });

  test('no callback that comes later changes what is settled', async () => {
    await send(client, [sms(1)]);
    api.things.set(sid('SM', 1), delivered(1));
    await settle();
    const settled = await ledger();
    const { 'usage.id': id = '' } = sms(1).attributes;
    const again = { ...sms(1, { 'usage.version': '100', 'cost.amount': '9' }) };
    const [row] = settled;
    await send(client, [{ ...again, attributes: { ...again.attributes, 'usage.id': String(row!.usage_id) } }]);
    await send(client, [{ ...again, attributes: { ...again.attributes, 'usage.id': id, 'usage.update': 'true' } }]);
    await settle();
    expect(await ledger()).toEqual(settled);
  });

  test('broken off in the middle and run again, with and without --resume, is the same as once', async () => {
    const events = Array.from({ length: 12 }, (_, n) => sms(n));
    for (let n = 0; n < 12; n++) api.things.set(sid('SM', n), delivered(n, { price: n === 0 ? null : '-0.01000' }));
    await send(client, events);
    await settle();
    const once = await ledger();

    for (const resume of [[], ['--resume']]) {
      database = `settle_again_${++counter}`;
      client = await freshLedger(engine, database);
      await send(client, events);
      // A day is a page: the first one is stored, then Twilio refuses.
      api.failures.push(...Array.from({ length: 4 }, () => undefined as never));
      api.failures.push({ status: 403 });
      const broken = await settle();
      expect(broken).toMatchObject({ code: 1, err: expect.stringContaining('does not allow this (403') });
      const half = (await ledger()).filter(({ cost_source }) => cost_source === 'provider').length;
      expect(half).toBeGreaterThan(0);
      expect(half).toBeLessThan(11);
      await sleep(100);
      const requests = api.asked.length;
      expect((await settle(...resume)).code).toBe(0);
      // The one without a price is of the first day: --resume does not ask for it again.
      expect(api.asked.length - requests).toBe(resume.length === 0 ? 10 : 9);
      expect(await ledger()).toEqual(once);
    }
  });

  test('killed in the middle and resumed is the same as once', async () => {
    const events = Array.from({ length: 12 }, (_, n) => sms(n));
    for (let n = 0; n < 12; n++) api.things.set(sid('SM', n), delivered(n));
    await send(client, events);
    await settle();
    const once = await ledger();

    database = `settle_killed_${++counter}`;
    client = await freshLedger(engine, database);
    await send(client, events);
    const before = api.asked.length;
    api.failures.push(...Array.from({ length: 4 }, () => undefined as never), { hang: true } as never);
    const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
    const argv = ['settle', 'twilio', '--since', '2026-02-01', '--until', '2026-02-10', '--api-url', api.url];
    const child = spawn(process.execPath, [main, ...argv, '--state-dir', stateDir], {
      env: {
        CLICKHOUSE_URL: engine.url,
        CLICKHOUSE_DATABASE: database,
        TWILIO_ACCOUNT_SID: ACCOUNT,
        TWILIO_AUTH_TOKEN: TOKEN,
      },
      stdio: 'ignore',
    });
    for (let waited = 0; api.asked.length < before + 5 && waited < 30_000; waited += 50) await sleep(50);
    const exited = onceEmitted(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    expect(await run([...argv, '--resume'])).toMatchObject({
      code: 0,
      err: expect.not.stringContaining('nothing to resume'),
    });
    expect(await ledger()).toEqual(once);
    expect((await run([...argv, '--resume'])).err).toContain('nothing to resume');
  });

  test('429 is waited for; a currency is kept or converted; a refused login names the variables', async () => {
    await send(client, [sms(1), sms(2)]);
    api.things.set(sid('SM', 1), delivered(1, { price: '-0.05', price_unit: 'EUR' }));
    api.things.set(sid('SM', 2), delivered(2, { price: '-0.05', price_unit: 'CHF' }));
    api.failures.push({ status: 429, headers: { 'retry-after': '1' } });
    const file = join(stateDir, 'prices.json');
    writeFileSync(
      file,
      JSON.stringify({ prices: [], exchange_rates: [{ currency: 'EUR', usd: '1.2', from: '2026-01-01' }] }),
    );
    const { out } = await run(['settle', 'twilio', '--since', '2026-02-01', '--api-url', api.url], {
      CLIENT_COST_PRICES: file,
    });
    expect(out).toMatch(/1 are in a currency without an exchange rate/);
    expect(await ledger('cost, currency, original_cost, original_currency, cost_source, estimated_cost')).toEqual([
      {
        cost: '0.06',
        currency: 'USD',
        original_cost: '0.05',
        original_currency: 'EUR',
        cost_source: 'provider',
        estimated_cost: '0.0079',
      },
      {
        cost: null,
        currency: 'USD',
        original_cost: '0.05',
        original_currency: 'CHF',
        cost_source: 'unpriced',
        estimated_cost: '0.0079',
      },
    ]);
    api.failures.push({ status: 401 });
    expect(await settle()).toMatchObject({
      code: 1,
      err: expect.stringContaining('check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN'),
    });
    expect(await run(['settle', 'twilio', '--since', '2026-02-01'], { TWILIO_AUTH_TOKEN: '' })).toMatchObject({
      code: 2,
      err: expect.stringContaining('TWILIO_AUTH_TOKEN is not set'),
    });
  });
});

describe('stripe', () => {
  let api: StripeStandIn;
  afterEach(() => api?.close());
  const settle = (...more: string[]) =>
    run(['settle', 'stripe', '--since', '2026-02-01', '--api-url', api.url, '--rate', '1000', ...more]);

  async function post(path: string, form: Record<string, string>): Promise<string> {
    const response = await fetch(`${api.url}/v1/${path}`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk_test_x' },
      body: new URLSearchParams(form),
    });
    return ((await response.json()) as { id: string }).id;
  }
  const charge = (external_id: string, operation: string, quantity: string, cost: string) =>
    newCharge({
      usage_id: uuidv7('2026-02-03T00:00:00Z'),
      time: '2026-02-03T00:00:00Z',
      service: 'stripe',
      operation,
      unit: 'usd',
      quantity,
      cost,
      cost_source: 'price_book',
      external_id,
    });

  test('fees of charges, payments, refunds and disputes; one that is captured later', async () => {
    api = await createStripeStandIn({ balanceTransactions: 'later', now: () => Date.parse('2026-02-03T00:00:00Z') });
    const card = { currency: 'usd', source: 'tok_visa' };
    const ids = [];
    for (let n = 0; n < 25; n++) ids.push(await post('charges', { ...card, amount: '1999' }));
    api.settle();
    const late = await post('charges', { ...card, amount: '1000' });
    const refund = await post('refunds', { charge: ids[0]!, amount: '500' });
    const dispute = api.dispute(ids[1]!).id as string;
    await writeCharges(client, [
      ...ids.map((id) => charge(id, 'charge', '19.99', '0.879710')),
      charge(late, 'charge', '10', '0.59'),
      charge(refund, 'refund', '5', '0.1'),
      charge(dispute, 'dispute', '19.99', '0.87971'),
      charge('ch_unknown', 'charge', '1', '0.329'),
    ]);
    api.decide(dispute, 'lost');
    const { out, code } = await settle();
    expect(code).toBe(0);
    expect(out).toMatch(/^stripe +29 +0 +27 +0 +1 +1 +0 /m);
    const of = async (id: string) =>
      (await ledger('external_id, cost, estimated_cost, cost_source, quantity')).find((row) => row.external_id === id);
    expect(await of(ids[5]!)).toEqual({
      external_id: ids[5],
      cost: '0.88',
      estimated_cost: '0.87971',
      cost_source: 'provider',
      quantity: '19.99',
    });
    expect(await of(refund)).toMatchObject({ cost: '0', quantity: '5' });
    expect(await of(dispute)).toMatchObject({ cost: '15', quantity: '19.99' });
    expect(await of(late)).toMatchObject({ cost: '0.59', cost_source: 'price_book' });
    const once = await ledger();
    await settle();
    expect(await ledger()).toEqual(once);
    api.settle();
    await settle();
    expect(await of(late)).toMatchObject({ cost: '0.59', cost_source: 'provider', quantity: '10' });
  });

  test('a balance in another currency than USD', async () => {
    api = await createStripeStandIn({ accountCurrency: 'jpy', now: () => Date.parse('2026-02-03T00:00:00Z') });
    const id = await post('charges', { currency: 'jpy', source: 'tok_visa', amount: '10000' });
    await writeCharges(client, [charge(id, 'charge', '66', '2.2')]);
    await settle();
    expect(await ledger('cost, original_cost, original_currency, cost_source, quantity')).toEqual([
      { cost: null, original_cost: '290', original_currency: 'JPY', cost_source: 'unpriced', quantity: '66' },
    ]);
  });
});
