import { spawn } from 'node:child_process';
import { once as onceEmitted } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { send } from '../queries/testing/ledger.ts';
import { Bench } from './testing/bench.ts';
import { delivered, sid, sms, type Twilio, twilio } from './testing/twilio.ts';

const bench = new Bench('settle_twilio', () => new Date('2026-02-10T12:00:00Z'));
beforeAll(() => bench.start());
afterAll(() => bench.stop());

let api: Twilio;
beforeEach(async () => {
  await bench.fresh();
  api = await twilio();
});
afterEach(() => api.close());
const settle = (...more: string[]) =>
  bench.run(['settle', 'twilio', '--since', '2026-02-01', '--api-url', api.url, '--rate', '1000', ...more]);

test('messages, calls, recordings, failures; twice is once; the price that comes later', async () => {
  const voice = {
    'usage.service': 'twilio_voice',
    'usage.unit': 'minute',
    'cost.amount': '',
    'cost.source': 'unpriced',
  };
  await send(bench.client, [
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

  const before = await bench.ledger();
  const dry = await settle('--dry-run');
  expect(dry.out).toMatch(/Would settle/);
  expect(await bench.ledger()).toEqual(before);

  const { code, out } = await settle();
  expect(code).toBe(0);
  // Recorded, settled before, settled, unchanged, not yet priced, not found, not asked, estimate, settled cost, difference.
  expect(out).toMatch(/^twilio_sms +7 +1 +3 +0 +1 +1 +1 +\$0\.0237 +\$0\.0442 +\$0\.0205$/m);
  expect(out).toMatch(/^twilio_voice +2 +0 +2 +0 +0 +0 +0 +\$0\.00 +\$0\.0305 +\$0\.0305$/m);
  expect(out).toMatch(/^twilio_phone +1 +0 +0 +0 +0 +0 +1 /m);
  expect(out).toMatch(/1 have no price at the provider yet/);
  const columns =
    'external_id, toString(version) AS version, cost, estimated_cost, cost_source, toString(quantity) AS quantity, sku, outcome, client_id, toString(time) AS time';
  const after = await bench.ledger(columns);
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

  const once = await bench.ledger();
  const count = await bench.stored();
  expect((await settle()).out).toMatch(/^twilio_sms +7 +3 +0 +1 +1 +1 +1 /m);
  expect(await bench.ledger()).toEqual(once);
  expect(await bench.stored()).toBe(count);

  api.things.set(sid('SM', 4), delivered(4));
  expect((await settle()).out).toMatch(/^twilio_sms +7 +3 +1 +1 +0 +1 +1 /m);
  expect((await bench.ledger(columns)).find(({ external_id }) => external_id === sid('SM', 4))).toMatchObject({
    cost: '0.0108',
    version: '1000',
  });
  expect((await bench.run(['report', '--month', '2026-02', '--format', 'json'])).out).toContain('"totalCost"');
});

test('no callback that comes later changes what is settled', async () => {
  await send(bench.client, [sms(1)]);
  api.things.set(sid('SM', 1), delivered(1));
  await settle();
  const settled = await bench.ledger();
  const { 'usage.id': id = '' } = sms(1).attributes;
  const again = { ...sms(1, { 'usage.version': '100', 'cost.amount': '9' }) };
  const [row] = settled;
  await send(bench.client, [{ ...again, attributes: { ...again.attributes, 'usage.id': String(row!.usage_id) } }]);
  await send(bench.client, [{ ...again, attributes: { ...again.attributes, 'usage.id': id, 'usage.update': 'true' } }]);
  await settle();
  expect(await bench.ledger()).toEqual(settled);
});

test('broken off in the middle and run again, with and without --resume, is the same as once', async () => {
  const events = Array.from({ length: 12 }, (_, n) => sms(n));
  for (let n = 0; n < 12; n++) api.things.set(sid('SM', n), delivered(n, { price: n === 0 ? null : '-0.01000' }));
  await send(bench.client, events);
  await settle();
  const once = await bench.ledger();

  for (const resume of [[], ['--resume']]) {
    await bench.fresh();
    await send(bench.client, events);
    // A day is a page: the first one is stored, then Twilio refuses.
    api.failures.push(...Array.from({ length: 4 }, () => undefined as never));
    api.failures.push({ status: 403 });
    const broken = await settle();
    expect(broken).toMatchObject({ code: 1, err: expect.stringContaining('does not allow this (403') });
    const half = (await bench.ledger()).filter(({ cost_source }) => cost_source === 'provider').length;
    expect(half).toBeGreaterThan(0);
    expect(half).toBeLessThan(11);
    await sleep(100);
    const requests = api.asked.length;
    expect((await settle(...resume)).code).toBe(0);
    // The one without a price is of the first day: --resume does not ask for it again.
    expect(api.asked.length - requests).toBe(resume.length === 0 ? 10 : 9);
    expect(await bench.ledger()).toEqual(once);
  }
});

test('killed in the middle and resumed is the same as once', async () => {
  const events = Array.from({ length: 12 }, (_, n) => sms(n));
  for (let n = 0; n < 12; n++) api.things.set(sid('SM', n), delivered(n));
  await send(bench.client, events);
  await settle();
  const once = await bench.ledger();
  await bench.fresh();
  await send(bench.client, events);
  const before = api.asked.length;
  api.failures.push(...Array.from({ length: 4 }, () => undefined as never), { hang: true } as never);
  const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
  const argv = ['settle', 'twilio', '--since', '2026-02-01', '--until', '2026-02-10', '--api-url', api.url];
  const child = spawn(process.execPath, [main, ...argv, '--state-dir', bench.stateDir], {
    env: bench.env,
    stdio: 'ignore',
  });
  for (let waited = 0; api.asked.length < before + 5 && waited < 30_000; waited += 50) await sleep(50);
  const exited = onceEmitted(child, 'exit');
  child.kill('SIGKILL');
  await exited;
  expect(await bench.run([...argv, '--resume'])).toMatchObject({
    code: 0,
    err: expect.not.stringContaining('nothing to resume'),
  });
  expect(await bench.ledger()).toEqual(once);
  expect((await bench.run([...argv, '--resume'])).err).toContain('nothing to resume');
});

test('429 is waited for; a currency is kept or converted; a refused login names the variables', async () => {
  await send(bench.client, [sms(1), sms(2)]);
  api.things.set(sid('SM', 1), delivered(1, { price: '-0.05', price_unit: 'EUR' }));
  api.things.set(sid('SM', 2), delivered(2, { price: '-0.05', price_unit: 'CHF' }));
  api.failures.push({ status: 429, headers: { 'retry-after': '1' } });
  const file = join(bench.stateDir, 'prices.json');
  writeFileSync(
    file,
    JSON.stringify({ prices: [], exchange_rates: [{ currency: 'EUR', usd: '1.2', from: '2026-01-01' }] }),
  );
  const { out } = await bench.run(['settle', 'twilio', '--since', '2026-02-01', '--api-url', api.url], {
    CLIENT_COST_PRICES: file,
  });
  expect(out).toMatch(/1 are in a currency without an exchange rate/);
  expect(await bench.ledger('cost, currency, original_cost, original_currency, cost_source, estimated_cost')).toEqual([
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
  expect(await bench.run(['settle', 'twilio', '--since', '2026-02-01'], { TWILIO_AUTH_TOKEN: '' })).toMatchObject({
    code: 2,
    err: expect.stringContaining('TWILIO_AUTH_TOKEN is not set'),
  });
});
