import Stripe from 'stripe';
import { afterEach, expect, test } from 'vitest';
import { createStripeStandIn, type StripeStandIn, type StripeStandInOptions } from './index.ts';

let standIn: StripeStandIn;

async function client(options: StripeStandInOptions = {}, key = 'sk_live_1', more: object = {}): Promise<Stripe> {
  standIn = await createStripeStandIn(options);
  const at = { host: '127.0.0.1', port: standIn.port, protocol: 'http' as const, maxNetworkRetries: 0 };
  return new Stripe(key, { ...at, ...more });
}
afterEach(() => standIn.close());

const paid = { amount: 1099, currency: 'usd', payment_method: 'pm_card_visa', confirm: true } as const;

// biome-ignore lint/suspicious/noExplicitAny: expanded objects
type Any = any;

test('a payment, expanded: the fee is 2.9 % and 0.30, rounded to the cent', async () => {
  const stripe = await client();
  const intent: Any = await stripe.paymentIntents.create({
    ...paid,
    metadata: { order: '7' },
    expand: ['latest_charge.balance_transaction'],
  });
  expect(intent).toMatchObject({
    status: 'succeeded',
    amount_received: 1099,
    livemode: true,
    metadata: { order: '7' },
  });
  // 31.871 + 30 = 61.871
  expect(intent.latest_charge.balance_transaction).toMatchObject({ fee: 62, amount: 1099, net: 1037, currency: 'usd' });
  const plain = await stripe.paymentIntents.retrieve(intent.id);
  expect(plain.latest_charge).toBe(intent.latest_charge.id);
});

test('authorised, then captured in part: no balance transaction before', async () => {
  const stripe = await client();
  const intent: Any = await stripe.paymentIntents.create({
    ...paid,
    capture_method: 'manual',
    expand: ['latest_charge'],
  });
  expect(intent).toMatchObject({ status: 'requires_capture', amount_received: 0 });
  expect(intent.latest_charge).toMatchObject({ captured: false, balance_transaction: null });
  const captured: Any = await stripe.paymentIntents.capture(intent.id, {
    amount_to_capture: 500,
    expand: ['latest_charge.balance_transaction'],
  });
  expect(captured.amount_received).toBe(500);
  // 14.5 + 30: half up
  expect(captured.latest_charge.balance_transaction.fee).toBe(45);
  await expect(stripe.paymentIntents.capture(intent.id)).rejects.toMatchObject({
    code: 'payment_intent_unexpected_state',
  });
});

test('a balance transaction that comes later', async () => {
  const stripe = await client({ balanceTransactions: 'later' });
  const intent: Any = await stripe.paymentIntents.create({ ...paid, expand: ['latest_charge'] });
  expect(intent.latest_charge.balance_transaction).toBeNull();
  standIn.settle();
  const charge: Any = await stripe.charges.retrieve(intent.latest_charge.id, { expand: ['balance_transaction'] });
  expect(charge.balance_transaction.fee).toBe(62);
  expect(standIn.events.map(({ type }) => type)).toContain('charge.updated');
});

test('an account in another currency', async () => {
  const stripe = await client({ exchangeRates: { eur: 1.1, jpy: 0.0065 } });
  const made: Any = await stripe.paymentIntents.create({
    ...paid,
    currency: 'jpy',
    amount: 10_000,
    expand: ['latest_charge.balance_transaction'],
  });
  expect(made.latest_charge.balance_transaction).toMatchObject({ amount: 6500, currency: 'usd', fee: 219 });
});

test('the same key: the same answer; the same key for something else: an error', async () => {
  const stripe = await client();
  const options = { idempotencyKey: 'order-7' };
  const first = await stripe.paymentIntents.create(paid, options);
  const again = await stripe.paymentIntents.create(paid, options);
  expect(again).toEqual(first);
  expect(first.lastResponse.headers['idempotent-replayed']).toBeUndefined();
  expect(again.lastResponse.headers['idempotent-replayed']).toBe('true');
  await expect(stripe.paymentIntents.create({ ...paid, amount: 1 }, options)).rejects.toMatchObject({
    type: 'StripeIdempotencyError',
    statusCode: 400,
  });
  expect((await stripe.charges.list()).data).toHaveLength(1);
});

test('declined cards, wrong keys, wrong requests, unknown objects', async () => {
  const stripe = await client();
  await expect(
    stripe.paymentIntents.create({ ...paid, payment_method: 'pm_card_chargeDeclined' }),
  ).rejects.toMatchObject({
    type: 'StripeCardError',
    statusCode: 402,
    code: 'card_declined',
    decline_code: 'generic_decline',
    payment_intent: { status: 'requires_payment_method' },
  });
  await expect(stripe.charges.retrieve('ch_none')).rejects.toMatchObject({ code: 'resource_missing' });
  await expect(stripe.paymentIntents.create({ currency: 'usd' } as Any)).rejects.toMatchObject({ param: 'amount' });
  const wrong = new Stripe('sk_live_wrong', { host: '127.0.0.1', port: standIn.port, protocol: 'http' });
  await expect(wrong.charges.list()).rejects.toMatchObject({ type: 'StripeAuthenticationError', statusCode: 401 });
});

test('retries: a lock, a server error, a broken connection, with one key', async () => {
  const failures = [{ status: 429 }, { status: 500 }, { reset: true as const }];
  const stripe = await client({ failures: (_request, attempt) => failures[attempt] }, 'sk_test_1', {
    maxNetworkRetries: 3,
  });
  const intent = await stripe.paymentIntents.create(paid);
  expect(intent).toMatchObject({ status: 'succeeded', livemode: false });
  expect(standIn.requests.map(({ status }) => status)).toEqual([429, 500, 0, 200]);
  expect(new Set(standIn.requests.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
}, 30_000);

test('lists: newest first, paged by the client itself, filtered by time', async () => {
  let now = 1_790_000_000_000;
  const stripe = await client({ now: () => now });
  const made: string[] = [];
  for (let i = 0; i < 7; i += 1) {
    now += 60_000;
    made.unshift((await stripe.charges.create({ amount: 100 + i, currency: 'usd', source: 'tok_visa' })).id);
  }
  const seen: string[] = [];
  for await (const { id } of stripe.charges.list({ limit: 3 })) seen.push(id);
  expect(seen).toEqual(made);
  expect(standIn.requests.filter(({ method }) => method === 'GET')).toHaveLength(3);
  const late = await stripe.balanceTransactions.list({ created: { gte: now / 1000 }, expand: ['data.source'] });
  expect(late.data).toHaveLength(1);
  expect((late.data[0] as Any).source).toMatchObject({ object: 'charge', id: made[0] });
});

test('refunds keep the fee, disputes cost one, a counter another, which a won one gives back', async () => {
  const stripe = await client();
  const charge = await stripe.charges.create({ amount: 2000, currency: 'usd', source: 'tok_visa' });
  const refund: Any = await stripe.refunds.create({
    charge: charge.id,
    amount: 500,
    expand: ['balance_transaction'],
  });
  expect(refund.balance_transaction).toMatchObject({ fee: 0, amount: -500 });
  await expect(stripe.refunds.create({ charge: charge.id, amount: 1501 })).rejects.toMatchObject({ param: 'amount' });
  const { id } = standIn.dispute(charge.id);
  const fees = async () => (await stripe.disputes.retrieve(id)).balance_transactions.map(({ fee }) => fee);
  expect(await fees()).toEqual([1500]);
  await stripe.disputes.update(id, { evidence: { product_description: 'socks' } });
  expect(await fees()).toEqual([1500, 1500]);
  standIn.decide(id, 'won');
  expect(await fees()).toEqual([1500, 1500, -1500]);
});

test('an invoice: its charge, or, for newer API versions, its payments on demand', async () => {
  const stripe = await client();
  const made: Any = await stripe.rawRequest('POST', '/v1/invoices', { amount: 4900, currency: 'usd' });
  const invoice: Any = await stripe.invoices.pay(made.id, { expand: ['payments.data.payment.payment_intent'] });
  expect(invoice).toMatchObject({ status: 'paid', amount_paid: 4900 });
  expect(invoice.charge).toBeUndefined();
  const charge = invoice.payments.data[0].payment.payment_intent.latest_charge;
  expect(standIn.object(charge)).toMatchObject({ amount: 4900, captured: true });
  const old: Any = await stripe.rawRequest('GET', `/v1/invoices/${made.id}`, undefined, { apiVersion: '2024-06-20' });
  expect(old.charge).toBe(charge);
  expect(old.payments).toBeUndefined();
});

test('webhooks verify; forged ones do not', async () => {
  const stripe = await client();
  await stripe.paymentIntents.create(paid);
  const event = standIn.events.find(({ type }) => type === 'charge.succeeded');
  const { body, signature } = standIn.webhook(event as Any, 'whsec_1');
  expect(stripe.webhooks.constructEvent(body, signature, 'whsec_1').type).toBe('charge.succeeded');
  expect(() => stripe.webhooks.constructEvent(body.replace('1099', '1'), signature, 'whsec_1')).toThrow();
});

test('a quote as PDF streams', async () => {
  const stripe = await client();
  const stream = await stripe.quotes.pdf('qt_1');
  const parts: Buffer[] = [];
  for await (const part of stream as AsyncIterable<Buffer>) parts.push(part);
  expect(Buffer.concat(parts).toString()).toBe('%PDF-1.4 a quote');
});
