/*
 * Every way to use the stripe package that an instrumentation could disturb, as one script that prints what the caller sees. It runs
 * with and without the instrumentation, on any major; what a major does not have is printed as missing in both.
 */
import {
  createStripeStandIn,
  type StripeExchange,
  type StripeStandIn,
} from '../../../../examples/src/stand-ins/stripe/index.ts';

// biome-ignore lint/suspicious/noExplicitAny: one script for all majors of the package
type Any = any;

interface World {
  readonly Stripe: Any;
  readonly standIn: StripeStandIn;
  client(options?: object, key?: string): Any;
}

type Shape = (world: World) => Promise<unknown>;

const paid = { amount: 1099, currency: 'usd', payment_method: 'pm_card_visa', confirm: true };
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for something that a busy machine may be slow to do, at most 5 s, and then a little for what should not come. */
async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !done(); i += 1) await later(10);
  await later(50);
}

/** Counts the turns of the microtask queue between two moments. */
function turns(): { start(): void; stop(): void; count(): number } {
  let count = 0;
  let counting = false;
  const next = () => {
    if (!counting || count > 1_000) return;
    count += 1;
    queueMicrotask(next);
  };
  return {
    start: () => {
      counting = true;
      next();
    },
    stop: () => {
      counting = false;
    },
    count: () => count,
  };
}

function classes(value: unknown): string[] {
  const names: string[] = [];
  for (let at = Object.getPrototypeOf(value); at; at = Object.getPrototypeOf(at)) names.push(at.constructor?.name);
  return names;
}

async function failure(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return { returned: await work() };
  } catch (error) {
    const {
      message,
      type,
      rawType,
      code,
      param,
      decline_code: decline,
      statusCode,
      requestId,
      charge,
      detail,
    } = error as Any;
    const known = { message, type, rawType, code, param, decline, statusCode, requestId, charge, detail: detail?.code };
    return { ...known, keys: Object.keys(error as object), classes: classes(error), sync: false };
  }
}

async function charges(client: Any, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1)
    await client.charges.create({ amount: 100 + i, currency: 'usd', source: 'tok_visa' });
}

/** The scripted failures of the stand-in, by the metadata of the request. */
export const failures = (request: { form: Any }, attempt: number): Any => {
  const script = JSON.parse(request.form.metadata?.fail ?? '[]');
  return script[attempt];
};

const fail = (...script: object[]) => ({ ...paid, metadata: { fail: JSON.stringify(script) } });

export const SHAPES: Record<string, Shape> = {
  'create and confirm': async ({ client }) => {
    const promise = client().paymentIntents.create(paid);
    const seen = { classes: classes(promise), keys: Object.keys(promise), promise: promise instanceof Promise };
    const intent = await promise;
    return { ...seen, intent, of: classes(intent), own: Object.getOwnPropertyNames(intent) };
  },
  lastResponse: async ({ client }) => {
    const { lastResponse } = await client().paymentIntents.create(paid);
    const { requestId, apiVersion, statusCode, stripeAccount, idempotencyKey } = lastResponse;
    return { requestId, apiVersion, statusCode, stripeAccount, idempotencyKey, of: classes(lastResponse) };
  },
  expanded: ({ client }) => client().paymentIntents.create({ ...paid, expand: ['latest_charge.balance_transaction'] }),
  'confirm, capture, retrieve': async ({ client }) => {
    const stripe = client();
    const { id } = await stripe.paymentIntents.create({ ...paid, confirm: false, capture_method: 'manual' });
    const confirmed = await stripe.paymentIntents.confirm(id);
    const captured = await stripe.paymentIntents.capture(id, { amount_to_capture: 500 });
    return [confirmed, captured, await stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] })];
  },
  callback: ({ client }) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => resolve('no callback'), 500);
      let sync = true;
      const returned = client().charges.create(
        { amount: 1, currency: 'usd', source: 'tok_visa' },
        (error: Any, charge: Any) => {
          clearTimeout(timer);
          resolve({ error, charge, sync, of: classes(charge ?? {}) });
        },
      );
      returned?.catch?.(reject);
      sync = false;
    }),
  'callback with an error': ({ client }) =>
    new Promise((resolve) => {
      const timer = setTimeout(() => resolve('no callback'), 500);
      const returned = client().charges.create(
        { amount: 1, currency: 'usd', source: 'tok_chargeDeclined' },
        (error: Any, charge: Any) => {
          clearTimeout(timer);
          resolve({ message: error?.message, charge });
        },
      );
      returned?.catch?.((error: Any) => setTimeout(() => resolve({ rejected: error.message }), 100));
    }),
  declined: ({ client }) =>
    failure(() => client().paymentIntents.create({ ...paid, payment_method: 'pm_card_chargeDeclined' })),
  'wrong key': ({ client }) => failure(() => client({}, 'sk_live_wrong').paymentIntents.create(paid)),
  'wrong request': ({ client }) => failure(() => client().paymentIntents.create({ currency: 'usd' })),
  'unknown object': ({ client }) => failure(() => client().charges.retrieve('ch_none')),
  'refused before it is sent': ({ client }) =>
    failure(() => client().paymentIntents.create({ ...paid, description: '\ud800' })),
  'a lock, a fault, a reset, then success': ({ client }) =>
    client({ maxNetworkRetries: 3 }).paymentIntents.create(fail({ status: 429 }, { status: 500 }, { reset: true })),
  'retries run out': ({ client }) =>
    failure(() => client({ maxNetworkRetries: 1 }).paymentIntents.create(fail({ status: 500 }, { status: 500 }))),
  'no answer': ({ client }) =>
    failure(() => client().charges.create({ ...fail({ reset: true }, { reset: true }), source: 'x' })),
  'per request: retries': ({ client }) =>
    client().paymentIntents.create(fail({ status: 500 }), { maxNetworkRetries: 2, idempotencyKey: 'key-1' }),
  'time-out': async ({ Stripe }) => {
    const slow = await createStripeStandIn({ latencyMs: 300 });
    const at = { host: '127.0.0.1', port: slow.port, protocol: 'http', maxNetworkRetries: 0, timeout: 50 };
    const result = await failure(() => new Stripe('sk_live_1', at).paymentIntents.create(paid));
    await slow.close();
    return result;
  },
  'idempotent replay': async ({ client }) => {
    const stripe = client();
    const options = { idempotencyKey: 'key-2' };
    const first = await stripe.paymentIntents.create(paid, options);
    const again = await stripe.paymentIntents.create(paid, options);
    const other = await failure(() => stripe.paymentIntents.create({ ...paid, amount: 1 }, options));
    return { same: first.id === again.id, replayed: again.lastResponse.headers['idempotent-replayed'], other };
  },
  'for await': async ({ client }) => {
    const stripe = client();
    await charges(stripe, 5);
    const amounts: number[] = [];
    for await (const charge of stripe.charges.list({ limit: 2 })) amounts.push(charge.amount);
    return amounts;
  },
  'autoPagingEach, left early': async ({ client }) => {
    const stripe = client();
    await charges(stripe, 5);
    const amounts: number[] = [];
    await stripe.charges.list({ limit: 2 }).autoPagingEach((charge: Any) => {
      amounts.push(charge.amount);
      return amounts.length < 3;
    });
    const rest = await stripe.charges.list({ limit: 2 }).autoPagingToArray({ limit: 4 });
    return { amounts, rest: rest.length };
  },
  'a list': async ({ client }) => {
    const stripe = client();
    await charges(stripe, 2);
    const promise = stripe.charges.list({ limit: 1 });
    return { keys: Object.keys(promise), list: await promise };
  },
  'request and response events': async ({ client }) => {
    const stripe = client();
    const events: Any[] = [];
    const note = (kind: string) => (event: Any) => {
      const { request_start_time: _s, request_end_time: _e, elapsed: _l, ...rest } = event;
      events.push({ kind, ...rest });
    };
    stripe.on('request', note('request'));
    stripe.once('response', note('response'));
    await stripe.paymentIntents.create(paid);
    await failure(() => stripe.paymentIntents.create({ ...paid, payment_method: 'pm_card_chargeDeclined' }));
    return events;
  },
  'telemetry of the request before': async ({ client, standIn }) => {
    const stripe = client();
    await stripe.paymentIntents.create(paid);
    await stripe.charges.list();
    const said = standIn.requests.at(-1)?.headers['x-stripe-client-telemetry'];
    return Object.keys(JSON.parse(String(said)).last_request_metrics);
  },
  'a stream': async ({ client }) => {
    const stream = await client().quotes.pdf('qt_1');
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part);
    return { body: Buffer.concat(parts).toString(), requestId: stream.requestId };
  },
  refunds: async ({ client }) => {
    const stripe = client();
    const intent = await stripe.paymentIntents.create(paid);
    return stripe.refunds.create({ payment_intent: intent.id, amount: 99 });
  },
  disputes: async ({ client, standIn }) => {
    const stripe = client();
    const charge = await stripe.charges.create({ amount: 2000, currency: 'usd', source: 'tok_visa' });
    const { id } = standIn.dispute(charge.id);
    return [
      await stripe.disputes.update(id, { evidence: { product_description: 'socks' } }),
      await stripe.disputes.close(id),
    ];
  },
  rawRequest: async ({ client }) => {
    const stripe = client();
    const made = await stripe.rawRequest('POST', '/v1/payment_intents', paid);
    const bad = await failure(() => stripe.rawRequest('GET', '/v1/charges', { limit: 1 }));
    return { made, bad };
  },
  together: async ({ client }) => {
    const stripe = client();
    const made = await Promise.all([1, 2, 3].map((n) => stripe.paymentIntents.create({ ...paid, amount: 100 * n })));
    return made.map(({ amount }: Any) => amount);
  },
  'nobody catches': async ({ client, standIn }) => {
    const reasons: unknown[] = [];
    const note = (reason: Any) => void reasons.push(reason?.message);
    process.on('unhandledRejection', note);
    void client().paymentIntents.create({ ...paid, payment_method: 'pm_card_chargeDeclined' });
    client()
      .paymentIntents.create({ ...paid, payment_method: 'pm_card_chargeDeclined' })
      .catch(() => {});
    await until(() => standIn.requests.length === 2 && reasons.length > 0);
    process.off('unhandledRejection', note);
    return reasons;
  },
  'turns between the answer and its reader': async ({ client, standIn }) => {
    const stripe = client();
    const paying = turns();
    stripe.on('response', paying.start);
    await stripe.paymentIntents.create(paid).then(paying.stop);
    const declining = turns();
    stripe.on('response', declining.start);
    await stripe.paymentIntents.create({ ...paid, payment_method: 'pm_card_chargeDeclined' }).catch(declining.stop);
    const verifying = turns();
    const { body, signature } = standIn.webhook(standIn.events[0] as Any, 'whsec_1', Math.floor(Date.now() / 1000));
    verifying.start();
    await stripe.webhooks.constructEventAsync(body, signature, 'whsec_1').then(verifying.stop);
    return [paying.count(), declining.count(), verifying.count()];
  },
  webhook: async ({ client, standIn }) => {
    const stripe = client();
    await stripe.paymentIntents.create(paid);
    const event = standIn.events.findLast(({ type }) => type === 'charge.succeeded');
    const { body, signature } = standIn.webhook(event as Any, 'whsec_1', Math.floor(Date.now() / 1000));
    const sync = stripe.webhooks.constructEvent(body, signature, 'whsec_1');
    const promise = stripe.webhooks.constructEventAsync(body, signature, 'whsec_1');
    const threw = await failure(async () => stripe.webhooks.constructEvent(body, signature, 'whsec_2'));
    const rejected = await failure(() => stripe.webhooks.constructEventAsync(`${body} `, signature, 'whsec_1'));
    return { sync, async: await promise, of: classes(promise), threw, rejected, keys: Object.keys(stripe.webhooks) };
  },
  'a forged webhook that nobody catches': async ({ client }) => {
    const reasons: unknown[] = [];
    const note = (reason: Any) => void reasons.push(reason?.type);
    process.on('unhandledRejection', note);
    void client().webhooks.constructEventAsync('{}', 't=1,v1=00', 'whsec_1');
    await until(() => reasons.length > 0);
    process.off('unhandledRejection', note);
    return reasons;
  },
  'the package itself': async ({ Stripe, client }) => {
    const stripe = client();
    const methods = Object.keys(Object.getPrototypeOf(stripe.paymentIntents)).sort();
    return {
      statics: Object.keys(Stripe).sort(),
      client: Object.keys(stripe).sort(),
      webhooks: Object.getOwnPropertyDescriptor(stripe, 'webhooks')?.enumerable,
      methods,
      create: [stripe.paymentIntents.create.name, stripe.paymentIntents.create.length],
      without: (() => {
        try {
          return classes(Stripe('sk_live_1'));
        } catch (error) {
          return String(error);
        }
      })(),
    };
  },
  'a class of our own': async ({ Stripe, standIn }) => {
    class Ours extends (Stripe as new (...args: Any[]) => Any) {}
    const at = { host: '127.0.0.1', port: standIn.port, protocol: 'http', maxNetworkRetries: 0 };
    const stripe: Any = new Ours('sk_live_1', at);
    return (await stripe.paymentIntents.create(paid)).status;
  },
};

const KEPT =
  /^(content-type|content-length|accept|authorization|idempotency-key|stripe-|x-stripe-client-user|user-agent)/;

/** A request as compared: without what differs from run to run. */
function comparable({ method, path, query, headers, form, status }: StripeExchange): unknown {
  const kept = Object.entries(headers).filter(([name]) => KEPT.test(name));
  const names = Object.keys(headers).sort();
  return { method, path, query, form, status, names, headers: Object.fromEntries(kept) };
}

/** Ids and keys by the order in which they appear. */
function renamed(text: string, port: number): string {
  const names = new Map<string, string>();
  const name = (found: string, kind: string) => {
    if (!names.has(found)) names.set(found, `${kind}#${names.size}`);
    return names.get(found) as string;
  };
  return text
    .replace(new RegExp(`(?<!\\w)${port}(?!\\w)`, 'g'), 'PORT')
    .replace(/pi_\w+_secret_\w+/g, 'SECRET')
    .replace(/\b(ch|pi|re|du|in|inpay|txn|evt|req)_\w{20,}/g, (found, kind) => name(found, kind))
    .replace(/stripe-node-retry-[0-9a-f-]{36}/g, (found) => name(found, 'key'))
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, (found) => name(found, 'key'))
    .replace(/t=\d{10},v1=[0-9a-f]{64}/g, 'SIGNATURE');
}

/** Runs the shapes one after another; one entry each with what came back and which requests the server saw. */
export async function runShapes(Stripe: Any, only?: string): Promise<Record<string, unknown>> {
  const results: Record<string, unknown> = {};
  for (const [name, shape] of Object.entries(SHAPES)) {
    if (only !== undefined && name !== only) continue;
    const standIn = await createStripeStandIn({ now: () => 1_790_000_000_000, failures });
    const at = { host: '127.0.0.1', port: standIn.port, protocol: 'http', maxNetworkRetries: 0, timeout: 5_000 };
    const client = (options: object = {}, key = 'sk_live_1') => {
      const made = new Stripe(key, { ...at, ...options });
      // The package waits half a second and more between attempts.
      made.getInitialNetworkRetryDelay = () => 0.01;
      made.getMaxNetworkRetryDelay = () => 0.02;
      return made;
    };
    let value: unknown;
    try {
      value = await shape({ Stripe, standIn, client });
    } catch (error) {
      value = { threw: String(error) };
    }
    const seen = JSON.stringify({ value, requests: standIn.requests.map(comparable) });
    results[name] = JSON.parse(renamed(seen, standIn.port));
    await standIn.close();
  }
  return results;
}
