import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { usageContext, withClient } from '../attribution/index.ts';
import { useContextManager } from '../testing/otel.ts';
import { type Any, paid, World } from './testing/world.ts';

const folder = mkdtempSync(join(tmpdir(), 'client-cost-stripe-'));
const prices = join(folder, 'prices.json');
writeFileSync(prices, JSON.stringify({ prices: [], exchange_rates: [{ currency: 'EUR', usd: '1.1' }] }));

let world: World;
let undo: () => void;
beforeAll(() => {
  undo = useContextManager();
  world = new World(prices);
});
beforeEach(async () => {
  await world.open({ exchangeRates: { eur: 1.2 } });
  world.take();
  world.forget();
});
afterAll(async () => {
  await world.close();
  undo();
  rmSync(folder, { recursive: true });
});

test('a payment: its charge, priced, to the client in force', async () => {
  const intent = await withClient('acme', () => world.stripe.paymentIntents.create(paid));
  const [event, ...more] = world.take();
  expect(more).toEqual([]);
  expect(event).toMatchObject({
    'client.id': 'acme',
    'usage.service': 'stripe',
    'usage.operation': 'payment_intent',
    'usage.quantity': '10.99',
    'usage.unit': 'usd',
    'usage.external_id': intent.latest_charge,
    'usage.version': 1,
    'usage.outcome': 'ok',
    // 10.99 x 0.029 + 0.30
    'cost.amount': '0.61871',
    'cost.source': 'estimated',
  });
  expect(event?.['usage.update']).toBeUndefined();
  expect(JSON.stringify(event)).not.toContain('4242');
});

test('the exact fee where the answer has it, the estimate beside it', async () => {
  await world.stripe.paymentIntents.create({ ...paid, expand: ['latest_charge.balance_transaction'] });
  expect(world.take()).toMatchObject([
    { 'cost.amount': '0.62', 'cost.source': 'provider', 'cost.estimated_amount': '0.61871', 'usage.version': 1000 },
  ]);
});

test('authorised: nothing; captured in part: what was captured; looked at: the exact fee, the same charge', async () => {
  const intent = await withClient('acme', () =>
    world.stripe.paymentIntents.create({ ...paid, capture_method: 'manual' }),
  );
  expect(intent.status).toBe('requires_capture');
  expect(world.take()).toEqual([]);
  // By a timer, for nobody in particular.
  await world.stripe.paymentIntents.capture(intent.id, { amount_to_capture: 500 });
  const [captured] = world.take();
  expect(captured).toMatchObject({ 'usage.quantity': '5', 'cost.amount': '0.445', 'client.id': 'acme' });
  await world.stripe.paymentIntents.retrieve(intent.id);
  await world.stripe.charges.retrieve(intent.latest_charge);
  expect(world.take()).toEqual([]);
  await world.stripe.charges.retrieve(intent.latest_charge, { expand: ['balance_transaction'] });
  expect(world.take()).toMatchObject([
    {
      'usage.id': captured?.['usage.id'],
      'usage.version': 1000,
      'cost.amount': '0.45',
      'client.id': 'acme',
      'usage.operation': 'payment_intent',
    },
  ]);
  await world.stripe.paymentIntents.retrieve(intent.id, { expand: ['latest_charge'] });
  expect(world.take()).toEqual([]);
});

test('created, then confirmed by hand', async () => {
  const { confirm: _, ...later } = paid;
  const intent = await world.stripe.paymentIntents.create(later);
  expect(world.take()).toEqual([]);
  await world.stripe.paymentIntents.confirm(intent.id);
  expect(world.take()).toHaveLength(1);
  await world.stripe.paymentIntents.update(intent.id, { metadata: { a: 'b' } });
  await world.stripe.paymentIntents.list();
  expect(world.take()).toEqual([]);
});

test('one that needs the cardholder, one that is cancelled, customers: nothing', async () => {
  const intent = await world.stripe.paymentIntents.create({
    ...paid,
    payment_method: 'pm_card_authenticationRequired',
  });
  expect(intent.status).toBe('requires_action');
  await world.stripe.paymentIntents.cancel(intent.id);
  await expect(world.stripe.customers.list()).rejects.toThrow('Unrecognized request URL');
  expect(world.take()).toEqual([]);
});

test('charges: created, authorised and captured', async () => {
  const charge = await world.stripe.charges.create({ amount: 500, currency: 'usd', source: 'tok_visa' });
  expect(world.take()).toMatchObject([
    { 'usage.operation': 'charge', 'usage.external_id': charge.id, 'cost.amount': '0.445' },
  ]);
  const held = await world.stripe.charges.create({ amount: 500, currency: 'usd', source: 'tok_visa', capture: false });
  expect(world.take()).toEqual([]);
  await world.stripe.charges.capture(held.id);
  expect(world.take()).toMatchObject([{ 'usage.external_id': held.id }]);
});

test('an operation that the application names: the price stays', async () => {
  await usageContext({ operation: 'deposit' }, () => world.stripe.paymentIntents.create(paid));
  expect(world.take()).toMatchObject([{ 'usage.operation': 'deposit', 'cost.amount': '0.61871' }]);
});

test('rawRequest', async () => {
  await world.stripe.rawRequest('POST', '/v1/payment_intents', paid);
  expect(world.take()).toMatchObject([{ 'cost.amount': '0.61871' }]);
});

test('the same idempotency key in two processes: one id', async () => {
  const options = { idempotencyKey: 'order-7' };
  await withClient('acme', () => world.stripe.paymentIntents.create(paid, options));
  await withClient('acme', () => world.stripe.paymentIntents.create(paid, options));
  const [first, ...again] = world.take();
  expect(again).toEqual([]);
  world.forget();
  await withClient('acme', () => world.stripe.paymentIntents.create(paid, options));
  expect(world.take()).toMatchObject([{ 'usage.id': first?.['usage.id'], 'usage.version': 1, 'client.id': 'acme' }]);
  // Replayed for nobody: the ledger knows whose it is.
  world.forget();
  await world.stripe.paymentIntents.create(paid, options);
  const [replayed] = world.take();
  expect(replayed).toMatchObject({ 'usage.update': true, 'usage.external_id': first?.['usage.external_id'] });
  expect(replayed?.['usage.id']).not.toBe(first?.['usage.id']);
});

test('retries of the package: one charge', async () => {
  await world.open({ failures: (_request, attempt) => (attempt < 2 ? { status: 500 } : undefined) });
  await world.client('sk_live_1', { maxNetworkRetries: 2 }).paymentIntents.create(paid);
  expect(world.standIn.requests.map(({ status }) => status)).toEqual([500, 500, 200]);
  expect(world.take()).toHaveLength(1);
});

describe('what fails', () => {
  test('a declined card costs nothing', async () => {
    await expect(
      world.stripe.paymentIntents.create({ ...paid, payment_method: 'pm_card_chargeDeclined' }),
    ).rejects.toThrow('declined');
    expect(world.take()).toMatchObject([
      {
        'usage.outcome': 'error',
        'error.type': 'card_declined',
        'cost.amount': '0',
        'usage.quantity': '0',
        'usage.external_id': expect.stringMatching(/^ch_/),
        'http.response.status_code': 402,
      },
    ]);
  });

  test.each([
    ['a wrong key', 'sk_live_wrong', {}, { 'error.type': '401', 'cost.amount': '0' }],
    ['a lock', 'sk_live_1', { status: 429 }, { 'error.type': 'lock_timeout', 'cost.amount': '0' }],
    ['a server error', 'sk_live_1', { status: 500 }, { 'error.type': '500', 'cost.source': 'unpriced' }],
    ['no answer', 'sk_live_1', { reset: true }, { 'error.type': 'StripeConnectionError', 'cost.source': 'unpriced' }],
  ])('%s', async (_name, key, failure, wanted) => {
    await world.open(Object.keys(failure).length > 0 ? { failures: () => failure as Any } : {}, key);
    await expect(world.stripe.paymentIntents.create(paid)).rejects.toThrow();
    expect(world.take()).toMatchObject([{ 'usage.outcome': 'error', 'usage.quantity': '0', ...wanted }]);
  });

  test('never sent: nothing listens', async () => {
    await world.standIn.close();
    await expect(world.stripe.paymentIntents.create(paid)).rejects.toMatchObject({ type: 'StripeConnectionError' });
    expect(world.take()).toMatchObject([{ 'cost.amount': '0', 'usage.outcome': 'error' }]);
  });
});

describe('other currencies', () => {
  test("the user's rate", async () => {
    await world.stripe.paymentIntents.create({ ...paid, amount: 1000, currency: 'eur' });
    // 10 EUR x 1.1 = 11 USD; 11 x 0.029 + 0.30
    expect(world.take()).toMatchObject([
      {
        'usage.quantity': '11',
        'usage.unit': 'usd',
        'cost.amount': '0.619',
        'stripe.amount': '10',
        'stripe.currency': 'EUR',
      },
    ]);
  });

  test("Stripe's own conversion and fee, where they are in the answer", async () => {
    const expand = ['latest_charge.balance_transaction'];
    await world.stripe.paymentIntents.create({ ...paid, amount: 1000, currency: 'eur', expand });
    // 12 USD: 34.8 + 30
    expect(world.take()).toMatchObject([{ 'usage.quantity': '12', 'cost.amount': '0.65', 'cost.source': 'provider' }]);
  });

  test("an estimate by the user's rate does not replace the fee that Stripe has said; another amount does", async () => {
    const params = { ...paid, amount: 1000, currency: 'eur' };
    const intent = await world.stripe.paymentIntents.create({
      ...params,
      expand: ['latest_charge.balance_transaction'],
    });
    expect(world.take()).toMatchObject([{ 'usage.quantity': '12', 'cost.source': 'provider' }]);
    world.deliver(world.event('charge.succeeded'));
    await world.stripe.paymentIntents.retrieve(intent.id);
    expect(world.take()).toEqual([]);
    const event = structuredClone(world.event('charge.succeeded'));
    event.data.object.amount_captured = 1200;
    world.deliver(event);
    expect(world.take()).toMatchObject([{ 'usage.version': 1001, 'usage.quantity': '13.2' }]);
  });

  test('no rate: recorded in its own currency, unpriced', async () => {
    await world.stripe.paymentIntents.create({ ...paid, amount: 5000, currency: 'jpy' });
    const [event] = world.take();
    expect(event).toMatchObject({
      'usage.quantity': '5000',
      'usage.unit': 'jpy',
      'cost.source': 'unpriced',
      'cost.unpriced_reason': 'no exchange rate is known for JPY on that day',
    });
    expect(event?.['cost.amount']).toBeUndefined();
  });

  test('a fee in another currency', async () => {
    await world.open({ accountCurrency: 'eur' });
    const expand = ['latest_charge.balance_transaction'];
    await world.stripe.paymentIntents.create({ ...paid, amount: 1000, currency: 'eur', expand });
    // 0.59 EUR x 1.1
    expect(world.take()).toMatchObject([
      {
        'cost.amount': '0.649',
        'cost.original_amount': '0.59',
        'cost.original_currency': 'EUR',
        'usage.quantity': '11',
      },
    ]);
  });
});

test('a refund is free and no estimate; Stripe keeps the fee of the payment', async () => {
  const intent = await withClient('acme', () => world.stripe.paymentIntents.create(paid));
  world.take();
  const refund = await world.stripe.refunds.create({ payment_intent: intent.id, amount: 100 });
  expect(world.take()).toMatchObject([
    {
      'usage.operation': 'refund',
      'usage.external_id': refund.id,
      'usage.quantity': '1',
      'cost.amount': '0',
      'cost.source': 'price_book',
      'client.id': 'acme',
    },
  ]);
});

test('a dispute: the fee that its balance transactions say, each one a newer version', async () => {
  const charge = await withClient('acme', () =>
    world.stripe.charges.create({ amount: 5000, currency: 'usd', source: 'tok_visa' }),
  );
  world.take();
  const { id } = world.standIn.dispute(charge.id);
  await world.stripe.disputes.retrieve(id);
  const [first] = world.take();
  expect(first).toMatchObject({
    'usage.operation': 'dispute',
    'usage.external_id': id,
    'usage.quantity': '50',
    'cost.amount': '15',
    'cost.estimated_amount': '15',
    'client.id': 'acme',
    'usage.version': 1002,
  });
  await world.stripe.disputes.update(id, { evidence: { product_description: 'socks' } });
  world.standIn.decide(id, 'won');
  await world.stripe.disputes.retrieve(id);
  const later = world.take();
  expect(later).toMatchObject([
    { 'usage.id': first?.['usage.id'], 'usage.version': 1005, 'cost.amount': '30', 'usage.sku': 'dispute_countered' },
    { 'usage.id': first?.['usage.id'], 'usage.version': 1008, 'cost.amount': '15', 'usage.sku': 'dispute_received' },
  ]);
});

test('an invoice that is paid: its charge, where the answer shows it', async () => {
  const pay = async (params: Any, options?: Any) => {
    const { id } = await world.stripe.rawRequest('POST', '/v1/invoices', { amount: 4900, currency: 'usd' });
    return world.stripe.invoices.pay(id, params, options);
  };
  const old = await pay({}, { apiVersion: '2024-06-20' });
  const paidIntent = { 'usage.operation': 'payment_intent', 'usage.quantity': '49' };
  expect(world.take()).toMatchObject([{ ...paidIntent, 'usage.external_id': old.charge }]);
  await pay({ expand: ['payments.data.payment.payment_intent'] });
  expect(world.take()).toMatchObject([paidIntent]);
  await pay({});
  expect(world.take()).toEqual([]);
  // Its webhook tells.
  world.deliver(world.standIn.events.findLast(({ type }) => type === 'charge.succeeded'));
  expect(world.take()).toMatchObject([{ ...paidIntent, 'usage.update': true }]);
});

test('test mode: priced as if it were real, or free', async () => {
  await world.open({}, 'sk_test_1');
  await world.stripe.paymentIntents.create(paid);
  expect(world.take()).toMatchObject([{ 'cost.amount': '0.61871', 'stripe.livemode': false }]);
  world.instrumentation.setConfig({ testMode: 'free' });
  await world.stripe.paymentIntents.create(paid);
  world.instrumentation.setConfig({});
  expect(world.take()).toMatchObject([{ 'cost.amount': '0', 'stripe.livemode': false }]);
});
