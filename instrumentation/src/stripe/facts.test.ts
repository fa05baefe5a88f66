import { describe, expect, test } from 'vitest';
import { loadPriceBook } from '../prices/index.ts';
import { currencyOf, fromSmallestUnit } from './currency.ts';
import { factsOf } from './facts.ts';
import { routeOf } from './routes.ts';

test.each([
  ['USD', 1099, '10.99'],
  ['USD', 1, '0.01'],
  ['EUR', 100, '1'],
  ['JPY', 1099, '1099'],
  ['KRW', 5, '5'],
  ['VND', 10000, '10000'],
  ['XOF', 655, '655'],
  ['CLP', 1, '1'],
  ['KWD', 5120, '5.12'],
  ['BHD', 10, '0.01'],
  ['TND', 1000, '1'],
  // Without decimals in trade or payouts, with two in the API.
  ['ISK', 500, '5'],
  ['UGX', 500, '5'],
  ['HUF', 1045, '10.45'],
  ['TWD', 100, '1'],
  ['USD', 99_999_999, '999999.99'],
  ['USD', -1500, '-15'],
])('%s %i is %s', (currency, amount, decimal) => {
  expect(fromSmallestUnit(amount, currency)).toBe(decimal);
});

test.each([[1.5], ['12'], [Number.NaN], [undefined], [2 ** 60]])('%s is no amount', (amount) => {
  expect(fromSmallestUnit(amount, 'USD')).toBeUndefined();
});

test.each([
  ['usd', 'USD'],
  [' eur ', 'EUR'],
  ['dollar', undefined],
  [840, undefined],
  [undefined, undefined],
])('currency %s', (said, code) => expect(currencyOf(said)).toBe(code));

describe('prices', () => {
  const book = loadPriceBook({ userFile: '' });
  const price = (operation: string, quantity: string, at: string, sku?: string, unit = 'usd') =>
    book.price({ service: 'stripe', operation, quantity, unit, sku, at: new Date(at) }).amount;

  test.each([
    // amount * 0.029 + 0.30, as in the seed's table
    ['charge', '100', '2026-02-15', undefined, '3.2'],
    ['payment_intent', '100', '2026-02-15', undefined, '3.2'],
    ['charge', '0.50', '2026-02-15', undefined, '0.3145'],
    ['charge', '100', '2026-11-22', undefined, '3.2'],
    ['payment_intent', '10.99', '2026-11-22', undefined, '0.61871'],
    ['refund', '100', '2026-11-22', undefined, '0'],
    ['dispute', '100', '2026-11-22', 'dispute_received', '15'],
    ['dispute', '100', '2026-11-22', 'dispute_countered', '30'],
    ['deposit', '100', '2026-11-22', 'payment', '3.2'],
    ['complaint', '100', '2026-11-22', 'dispute_countered', '30'],
    ['dispute', '100', '2025-06-16', 'dispute_countered', '15'],
  ])('%s of %s USD on %s (%s): %s', (operation, quantity, at, sku, wanted) => {
    expect(price(operation, quantity, at, sku)).toBe(wanted);
  });

  test('an amount in another currency, and an operation that is not known, have no price', () => {
    expect(price('charge', '100', '2026-11-22', undefined, 'eur')).toBeUndefined();
    expect(price('payout', '100', '2026-11-22')).toBeUndefined();
  });
});

const intent = {
  object: 'payment_intent',
  id: 'pi_1',
  status: 'succeeded',
  amount_received: 100,
  currency: 'usd',
  created: 1_790_000_000,
  latest_charge: 'ch_1',
};
const charge = {
  object: 'charge',
  id: 'ch_1',
  status: 'succeeded',
  captured: true,
  amount: 100,
  amount_captured: 100,
  currency: 'usd',
  created: 1_790_000_000,
};
const dispute = {
  object: 'dispute',
  id: 'du_1',
  status: 'needs_response',
  amount: 100,
  currency: 'usd',
  charge: 'ch_1',
};
const took = (fee: number, currency = 'usd') => ({ object: 'balance_transaction', fee, currency, amount: -100 });

describe('what an object tells', () => {
  test.each<[string, unknown, string | undefined]>([
    ['a payment', intent, 'payment_intent ch_1 100'],
    ['with its charge', { ...intent, latest_charge: charge }, 'payment_intent ch_1 100'],
    [
      'of an old API version',
      { ...intent, latest_charge: undefined, charges: { data: [charge] } },
      'payment_intent ch_1 100',
    ],
    ['without a charge', { ...intent, latest_charge: null }, 'payment_intent pi_1 100'],
    ['authorised', { ...intent, status: 'requires_capture', amount_received: 0 }, undefined],
    ['captured in part, waiting for more', { ...intent, status: 'requires_capture' }, 'payment_intent ch_1 100'],
    ['under way', { ...intent, status: 'processing' }, undefined],
    ['of a status nobody knows', { ...intent, status: 'teleported' }, undefined],
    ['of nothing', { ...intent, amount_received: 0 }, undefined],
    ['of no number', { ...intent, amount_received: '100' }, 'payment_intent ch_1 100'],
    ['a charge', charge, 'charge ch_1 100'],
    ['of an intent', { ...charge, payment_intent: 'pi_1' }, 'payment_intent ch_1 100'],
    ['captured in part', { ...charge, amount_captured: 40 }, 'charge ch_1 40'],
    ['of an API version without amount_captured', { ...charge, amount_captured: undefined }, 'charge ch_1 100'],
    ['not captured', { ...charge, captured: false, amount_captured: 0 }, undefined],
    ['failed', { ...charge, status: 'failed' }, undefined],
    ['a refund', { object: 'refund', id: 're_1', status: 'pending', amount: 5, currency: 'usd' }, 'refund re_1 5'],
    ['a refund that failed', { object: 'refund', id: 're_1', status: 'failed', amount: 5 }, undefined],
    ['a dispute', dispute, 'dispute du_1 100'],
    ['an inquiry', { ...dispute, status: 'warning_needs_response' }, undefined],
    ['an invoice that is open', { object: 'invoice', status: 'open', charge: 'ch_1', amount_paid: 0 }, undefined],
    ['an invoice', { object: 'invoice', status: 'paid', charge: 'ch_1', amount_paid: 7 }, 'payment_intent ch_1 7'],
    [
      'an invoice paid out of band, after an attempt that was declined',
      { object: 'invoice', status: 'paid', paid_out_of_band: true, charge: 'ch_1', amount_paid: 7 },
      undefined,
    ],
    ['an invoice without a charge', { object: 'invoice', status: 'paid', amount_paid: 7 }, undefined],
    [
      'an invoice with its payments',
      {
        object: 'invoice',
        status: 'paid',
        payments: { data: [{ status: 'paid', payment: { payment_intent: intent } }] },
      },
      'payment_intent ch_1 100',
    ],
    ['a customer', { object: 'customer', id: 'cus_1' }, undefined],
    ['nothing', null, undefined],
    ['text', 'charge', undefined],
  ])('%s', (_name, object, wanted) => {
    const [fact] = factsOf(object);
    expect(fact && `${fact.operation} ${fact.id} ${fact.amount}`).toBe(wanted);
  });

  test('fees', () => {
    const of = (object: unknown) => factsOf(object)[0]?.fee;
    expect(of(intent)).toBeUndefined();
    expect(of({ ...charge, balance_transaction: 'txn_1' })).toBeUndefined();
    expect(of({ ...charge, balance_transaction: null })).toBeUndefined();
    expect(of({ ...charge, balance_transaction: took(59) })).toEqual({ amount: 59, currency: 'usd' });
    expect(of({ ...charge, balance_transaction: { fee: '59', currency: 'usd' } })).toBeUndefined();
    // What a platform takes of its connected accounts is not Stripe's: settle and reconcile leave it out too.
    const details = [
      { type: 'stripe_fee', amount: 59 },
      { type: 'application_fee', amount: 100 },
      { type: 'application_fee', amount: 'x' },
    ];
    expect(of({ ...charge, balance_transaction: { ...took(159), fee_details: details } })?.amount).toBe(59);
    const transactions = (...list: unknown[]) => of({ ...dispute, balance_transactions: list });
    expect(transactions()).toBeUndefined();
    expect(transactions(took(1500), took(1500), took(-1500))).toEqual({ amount: 1500, currency: 'usd' });
    // Two currencies make no sum.
    expect(transactions(took(1500), took(1500, 'eur'))).toBeUndefined();
  });

  test('a dispute grows, whoever reports it', () => {
    const step = (more: object) => factsOf({ ...dispute, ...more })[0]?.step;
    const countered = { evidence_details: { submission_count: 1 } };
    const steps = [
      step({}),
      step(countered),
      step({ ...countered, status: 'lost' }),
      step({ balance_transactions: [took(1500)], ...countered, status: 'won' }),
    ] as number[];
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect(new Set(steps).size).toBe(4);
  });
});

test.each([
  ['POST', '/v1/payment_intents', 'payment_intent moves'],
  ['POST', '/v1/payment_intents/pi_1/confirm', 'payment_intent moves'],
  ['POST', '/v1/payment_intents/pi_1/capture', 'payment_intent moves'],
  ['POST', '/v1/payment_intents/pi_1', undefined],
  ['POST', '/v1/payment_intents/pi_1/cancel', undefined],
  ['GET', '/v1/payment_intents/pi_1?expand[0]=latest_charge', 'payment_intent shows'],
  ['GET', '/v1/payment_intents', undefined],
  ['GET', '/v1/payment_intents?limit=3', undefined],
  ['POST', '/v1/charges', 'charge moves'],
  ['POST', '/v1/charges/ch_1/capture', 'charge moves'],
  ['POST', '/v1/charges/ch_1/refunds', 'refund moves'],
  ['POST', '/v1/refunds', 'refund moves'],
  ['POST', '/v1/disputes/du_1', 'dispute shows'],
  ['POST', '/v1/disputes/du_1/close', 'dispute shows'],
  ['POST', '/v1/invoices/in_1/pay', 'payment_intent moves'],
  ['GET', '/v1/invoices/in_1', undefined],
  ['POST', '/v1/customers', undefined],
  ['POST', '/v1/payment_intents_of_mine', undefined],
  ['POST', '/v2/core/events', undefined],
  ['DELETE', '/v1/refunds', undefined],
  [undefined, undefined, undefined],
])('%s %s: %s', (method, path, wanted) => {
  const route = routeOf(method, path);
  expect(route && `${route.operation} ${route.moves ? 'moves' : 'shows'}`).toBe(wanted);
});
