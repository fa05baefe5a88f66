import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { StripeInstrumentation } from './index.ts';
import { type Any, paid, World } from './testing/world.ts';

const error = vi.fn<(...args: unknown[]) => void>();
const warn = vi.fn<(...args: unknown[]) => void>();
const folder = mkdtempSync(join(tmpdir(), 'client-cost-stripe-'));
let world: World;
let second: StripeInstrumentation;

beforeAll(async () => {
  diag.setLogger(
    { error, warn, info: vi.fn(), debug: vi.fn(), verbose: vi.fn() },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  world = new World();
  second = new StripeInstrumentation();
  await world.open();
});
beforeEach(() => {
  error.mockClear();
  warn.mockClear();
  world.take();
});
afterAll(async () => {
  second.disable();
  await world.close();
  diag.disable();
  rmSync(folder, { recursive: true });
});

/** An installed copy of something called stripe. */
function copy(place: string, version: string, source: string): Any {
  const at = join(folder, place, 'node_modules', 'stripe');
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, 'package.json'), JSON.stringify({ name: 'stripe', version, main: 'index.js' }));
  writeFileSync(join(at, 'index.js'), source);
  return createRequire(join(folder, place, 'app.js'))('stripe');
}

/** The smallest client of the shape that we know. */
const CLIENT = `
class StripeResource {
  constructor(stripe) { this._stripe = stripe; }
  _makeRequest(method, path, answer) {
    const sender = this._stripe._requestSender;
    return new Promise((resolve, reject) => {
      const callback = (error, response) => error ? reject(error) : resolve(response);
      sender._request(method, null, path, answer, () => {}, {}, [], callback);
    });
  }
}
class Sender { _request(m, h, p, answer, a, o, u, callback) { setImmediate(callback, null, answer); } }
class Stripe {
  constructor() { this._requestSender = new Sender(); this.resource = new StripeResource(this); }
}
Stripe.StripeResource = StripeResource;
Stripe.original = StripeResource.prototype._makeRequest;
module.exports = Stripe;
`;

test.each(['11.18.0', '24.0.0', '24.1.0-beta.2'])('stripe %s is reported, once, and left untouched', (version) => {
  for (const place of ['a', 'b']) {
    const Stripe = copy(`${version}-${place}`, version, CLIENT);
    expect(Stripe.StripeResource.prototype._makeRequest).toBe(Stripe.original);
  }
  expect(error).toHaveBeenCalledTimes(1);
  const message = error.mock.calls[0]?.join(' ');
  expect(message).toContain(`stripe ${version}`);
  expect(message).toContain('>=12.0.0 <24');
  expect(message).toContain('NOT recorded');
});

test('a supported version of an unknown shape is reported', () => {
  copy('odd', '23.999.0', 'module.exports = class Stripe {};');
  expect(error.mock.calls[0]?.join(' ')).toContain('stripe 23.999.0 has no client that could be patched');
});

test('a client that sends in an unknown way is reported when it is used', async () => {
  const Stripe = copy('sender', '23.998.0', CLIENT.replaceAll('_requestSender', '_dispatcher'));
  expect(await new Stripe().resource._makeRequest('POST', '/v1/charges', {})).toEqual({});
  expect(warn.mock.calls[0]?.join(' ')).toContain('NOT recorded');
});

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['text', 'ok'],
  ['an object of nothing', {}],
  ['a charge of nothing', { object: 'charge' }],
  ['an intent of nothing', { object: 'payment_intent', status: 'succeeded', latest_charge: 7 }],
  ['a frozen one', Object.freeze({ object: 'payment_intent', lastResponse: null })],
  [
    'lists of what they are not',
    { object: 'dispute', id: 'du_1', status: 'lost', balance_transactions: [null, 3, {}] },
  ],
])('an answer of an unknown shape reaches the caller as it is: %s', async (_name, answer) => {
  const Stripe = copy('shapes', '23.997.0', CLIENT);
  const { resource } = new Stripe();
  expect(await resource._makeRequest('POST', '/v1/payment_intents', answer)).toBe(answer);
  expect(await resource._makeRequest('GET', '/v1/charges/ch_1', answer)).toBe(answer);
  expect(error).not.toHaveBeenCalled();
  expect(warn).not.toHaveBeenCalled();
});

test('an answer whose fields throw: the caller has it, and is told once', async () => {
  const Stripe = copy('shapes', '23.997.0', CLIENT);
  const { resource } = new Stripe();
  const trap = new Proxy({}, { get: (_target, key) => (key === 'then' ? undefined : Reflect.ownKeys(null as Any)) });
  expect(await resource._makeRequest('POST', '/v1/payment_intents', trap)).toBe(trap);
  expect(await resource._makeRequest('POST', '/v1/payment_intents', trap)).toBe(trap);
  expect(warn).toHaveBeenCalledTimes(1);
});

test('two instrumentations record each payment once; disable() restores all', async () => {
  const pay = async () => {
    world.take();
    await world.stripe.paymentIntents.create(paid);
    return world.take().length;
  };
  expect(await pay()).toBe(1);
  second.disable();
  expect(await pay()).toBe(1);
  world.instrumentation.disable();
  expect(await pay()).toBe(0);
  const sender = Object.getPrototypeOf(world.stripe._requestSender);
  expect(String(sender._request)).toContain('requestDataProcessor');
  expect(String(world.Stripe.webhooks.constructEvent)).toContain('buildEvent');
  world.instrumentation.enable();
  expect(await pay()).toBe(1);
  second.enable();
  expect(await pay()).toBe(1);
});

test('instrumentClass(): a client that no hook can see', () => {
  expect(world.instrumentation.instrumentClass(class {})).toBe(false);
  expect(error.mock.calls[0]?.[0]).toContain('instrumentClass');
  expect(world.instrumentation.instrumentClass(world.Stripe)).toBe(true);
});
