import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { withClient } from '../attribution/index.ts';
import { useContextManager } from '../testing/otel.ts';
import { type Any, paid, World } from './testing/world.ts';

const DAY = 86_400_000;
let world: World;
let undo: () => void;
beforeAll(() => {
  undo = useContextManager();
  world = new World();
});
beforeEach(async () => {
  await world.open();
  world.instrumentation.setConfig({});
  world.take();
  world.forget();
});
afterAll(async () => {
  await world.close();
  undo();
});

/** A payment of a client whose answer another process got. */
async function elsewhere(params: Any = paid): Promise<Any> {
  const intent = await withClient('acme', () => world.stripe.paymentIntents.create(params));
  world.take();
  world.forget();
  return intent;
}

test('a payment that this process made: nothing new, however often it is delivered', async () => {
  await withClient('acme', () => world.stripe.paymentIntents.create(paid));
  expect(world.take()).toHaveLength(1);
  for (const type of ['charge.succeeded', 'payment_intent.succeeded', 'charge.succeeded']) {
    const event = world.deliver(world.event(type));
    expect(event.type).toBe(type);
  }
  expect(world.take()).toEqual([]);
});

test('of another process: one update that finds the charge by its id, at the time of the event', async () => {
  const intent = await elsewhere();
  world.deliver(world.event('payment_intent.succeeded'));
  world.deliver(world.event('charge.succeeded'));
  world.deliver(world.event('charge.succeeded'));
  expect(world.events).toHaveLength(1);
  expect(Number(world.events[0]?.timeUnixNano) / 1e9).toBe(world.event('payment_intent.succeeded').created);
  expect(world.take()).toMatchObject([
    {
      'usage.update': true,
      'usage.version': 100,
      'usage.external_id': intent.latest_charge,
      'usage.operation': 'payment_intent',
      'client.id': 'unattributed',
      'cost.amount': '0.61871',
    },
  ]);
});

test('an event that overtakes the answer: the call is the charge, and its client pays', async () => {
  const options = { idempotencyKey: 'order-9' };
  await withClient('acme', () => world.stripe.paymentIntents.create(paid, options));
  world.take();
  world.forget();
  world.deliver(world.event('charge.succeeded'));
  expect(world.take()).toMatchObject([{ 'usage.update': true }]);
  await withClient('acme', () => world.stripe.paymentIntents.create(paid, options));
  const [own] = world.take();
  expect(own).toMatchObject({ 'client.id': 'acme', 'usage.version': 1, 'cost.amount': '0.61871' });
  expect(own?.['usage.update']).toBeUndefined();
  world.deliver(world.event('charge.succeeded'));
  expect(world.take()).toEqual([]);
});

test('the id of an update is derived: two processes that get it report the same', async () => {
  await elsewhere();
  world.deliver(world.event('charge.succeeded'));
  world.forget();
  world.deliver(world.event('charge.succeeded'));
  const [one, other] = world.take();
  expect(other?.['usage.id']).toBe(one?.['usage.id']);
});

test('a balance transaction in an event: the exact fee', async () => {
  await elsewhere();
  const event = structuredClone(world.event('charge.succeeded'));
  event.type = 'charge.updated';
  event.data.object.balance_transaction = world.standIn.object(event.data.object.balance_transaction);
  world.deliver(event);
  expect(world.take()).toMatchObject([
    { 'usage.update': true, 'usage.version': 1000, 'cost.amount': '0.62', 'cost.source': 'provider' },
  ]);
  // An estimate that comes later changes nothing.
  world.deliver(world.event('charge.succeeded'));
  expect(world.take()).toEqual([]);
});

test('confirmed by the browser: the client is that of the intent', async () => {
  const { confirm: _, payment_method: method, ...begun } = paid;
  const intent = await withClient('acme', () => world.stripe.paymentIntents.create(begun));
  expect(world.take()).toEqual([]);
  const browser = new world.Stripe('sk_live_2', { host: '127.0.0.1', port: world.standIn.port, protocol: 'http' });
  world.instrumentation.disable();
  await browser.paymentIntents.confirm(intent.id, { payment_method: method });
  world.instrumentation.enable();
  world.deliver(world.event('charge.succeeded'));
  expect(world.take()).toMatchObject([{ 'client.id': 'acme', 'usage.external_id': expect.stringMatching(/^ch_/) }]);
});

test("the client that an object's metadata names", async () => {
  world.instrumentation.setConfig({ clientMetadata: 'client_id' });
  await elsewhere({ ...paid, metadata: { client_id: 'acme-7' } });
  world.deliver(world.event('charge.succeeded'));
  expect(world.take()).toMatchObject([{ 'client.id': 'acme-7', 'usage.update': true }]);
  // A client in force wins.
  world.forget();
  withClient('globex', () => world.deliver(world.event('charge.succeeded')));
  expect(world.take()).toMatchObject([{ 'client.id': 'globex' }]);
});

test('refunds and disputes', async () => {
  const intent = await withClient('acme', () => world.stripe.paymentIntents.create(paid));
  world.standIn.dispute(intent.latest_charge);
  world.take();
  world.deliver(world.event('charge.dispute.created'));
  expect(world.take()).toMatchObject([
    { 'usage.operation': 'dispute', 'client.id': 'acme', 'cost.amount': '15', 'usage.quantity': '10.99' },
  ]);
  await world.stripe.refunds.create({ payment_intent: intent.id });
  world.take();
  world.forget();
  world.deliver(world.event('refund.created'));
  expect(world.take()).toMatchObject([{ 'usage.operation': 'refund', 'cost.amount': '0', 'usage.update': true }]);
  world.forget();
  const old = structuredClone(world.event('charge.refunded'));
  old.data.object.refunds = { object: 'list', data: [world.event('refund.created').data.object] };
  world.deliver(old);
  expect(world.take().map((event) => event['usage.operation'])).toEqual(['payment_intent', 'refund']);
});

describe('the asynchronous form', () => {
  test('records what is verified', async () => {
    await elsewhere();
    const { body, signature } = world.standIn.webhook(world.event('charge.succeeded'), 'whsec_1');
    const event = await world.stripe.webhooks.constructEventAsync(Buffer.from(body), signature, 'whsec_1');
    expect(event.type).toBe('charge.succeeded');
    expect(world.take()).toMatchObject([{ 'usage.update': true }]);
  });

  test('forged: rejected as ever, and not recorded', async () => {
    await elsewhere();
    const { body, signature } = world.standIn.webhook(world.event('charge.succeeded'), 'whsec_other');
    await expect(world.stripe.webhooks.constructEventAsync(body, signature, 'whsec_1')).rejects.toMatchObject({
      type: 'StripeSignatureVerificationError',
    });
    expect(world.take()).toEqual([]);
  });
});

test.each([
  ['a forged signature', (s: string) => s.replace(/.$/, (last) => (last === '0' ? '1' : '0'))],
  ['no signature', () => ''],
  [
    'an old one',
    (_: string, event: Any) => world.standIn.webhook(event, 'whsec_1', Date.now() / 1000 - 3600).signature,
  ],
])('%s: thrown by Stripe, not recorded', async (_name, forge) => {
  await elsewhere();
  const event = world.event('charge.succeeded');
  const { body, signature } = world.standIn.webhook(event, 'whsec_1');
  expect(() => world.stripe.webhooks.constructEvent(body, forge(signature, event), 'whsec_1')).toThrow();
  expect(world.take()).toEqual([]);
});

test.each([
  ['no object', { data: null }],
  ['an object of another kind', { data: { object: { object: 'customer', id: 'cus_1' } } }],
  ['another event', { type: 'charge.failed' }],
  ['nothing known', { data: { object: { object: 'charge' } } }],
])('%s: passed through, nothing recorded', async (_name, more) => {
  await elsewhere();
  const event = { ...world.event('charge.succeeded'), ...more };
  expect(world.deliver(event)).toEqual(event);
  expect(world.take()).toEqual([]);
});

test('an event of long ago keeps its day', async () => {
  await elsewhere();
  const event = structuredClone(world.event('charge.succeeded'));
  event.created = Math.floor((Date.now() - 20 * DAY) / 1000);
  world.deliver(event);
  expect(Number(world.events[0]?.timeUnixNano) / 1e9).toBe(event.created);
});

describe.each(['charge.refunded', 'charge.updated'])('%s', (type) => {
  /** The event as it comes so long after its payment. */
  const later = (days: number, more: Any = {}): Any => {
    const event = structuredClone(world.event('charge.succeeded'));
    const created = event.created - days * (DAY / 1000);
    return { ...event, type, data: { object: { ...event.data.object, created, amount_refunded: 1099, ...more } } };
  };
  const time = () => Number(world.events[0]?.timeUnixNano) / 1e9;

  test('of a payment that nobody here knows: not its beginning', async () => {
    await elsewhere();
    world.deliver(later(60));
    world.deliver(later(2));
    expect(world.take()).toEqual([]);
  });

  test('of a new payment, or with its fee: the payment, on its own day', async () => {
    await elsewhere();
    const recent = later(0.5);
    world.deliver(recent);
    expect(time()).toBe(recent.data.object.created);
    expect(world.take()).toMatchObject([{ 'usage.update': true, 'cost.amount': '0.61871' }]);
    world.forget();
    const fee = world.standIn.object(recent.data.object.balance_transaction);
    const exact = later(20, { balance_transaction: fee });
    world.deliver(exact);
    expect(time()).toBe(exact.data.object.created);
    expect(world.take()).toMatchObject([{ 'usage.version': 1000, 'cost.amount': '0.62' }]);
  });

  test('of a payment that this process knows: what is new of it, on its day', async () => {
    await elsewhere();
    const old = later(2);
    world.deliver({ ...old, type: 'charge.succeeded', created: old.data.object.created });
    const at = time();
    const [known] = world.take();
    world.deliver(old);
    expect(world.take()).toEqual([]);
    world.deliver(later(2, { amount_captured: 500 }));
    expect(time()).toBe(at);
    expect(world.take()).toMatchObject([
      { 'usage.id': known?.['usage.id'], 'usage.version': 101, 'usage.quantity': '5' },
    ]);
  });
});
