import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createStripeStandIn, type StripeStandIn } from '../../../examples/src/stand-ins/stripe/index.ts';
import { newCharge, writeCharges } from '../corrections/index.ts';
import { uuidv7 } from '../queries/testing/ledger.ts';
import { Bench } from './testing/bench.ts';

const bench = new Bench('settle_stripe', () => new Date('2026-02-10T12:00:00Z'));
beforeAll(() => bench.start());
afterAll(() => bench.stop());
beforeEach(() => bench.fresh());

let api: StripeStandIn;
afterEach(() => api?.close());
const settle = (...more: string[]) =>
  bench.run(['settle', 'stripe', '--since', '2026-02-01', '--api-url', api.url, '--rate', '1000', ...more]);

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
  await writeCharges(bench.client, [
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
    (await bench.ledger('external_id, cost, estimated_cost, cost_source, quantity')).find(
      (row) => row.external_id === id,
    );
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
  const once = await bench.ledger();
  await settle();
  expect(await bench.ledger()).toEqual(once);
  api.settle();
  await settle();
  expect(await of(late)).toMatchObject({ cost: '0.59', cost_source: 'provider', quantity: '10' });
});

test('a balance in another currency than USD', async () => {
  api = await createStripeStandIn({ accountCurrency: 'jpy', now: () => Date.parse('2026-02-03T00:00:00Z') });
  const id = await post('charges', { currency: 'jpy', source: 'tok_visa', amount: '10000' });
  await writeCharges(bench.client, [charge(id, 'charge', '66', '2.2')]);
  await settle();
  expect(await bench.ledger('cost, original_cost, original_currency, cost_source, quantity')).toEqual([
    { cost: null, original_cost: '290', original_currency: 'JPY', cost_source: 'unpriced', quantity: '66' },
  ]);
});
