/**
 * The kinds of calls that service-main.ts makes. Each carries an id of its own to the provider's stand-in and, as `flow.execution.id`, into the
 * ledger, so that charge, answer and acknowledgement can be told to be of one call, also where a provider's answer has no id.
 */
import { recordUsage } from '@client-cost/instrumentation';
import OpenAI from 'openai';

export type CallKind =
  | 'chat'
  | 'stream'
  | 'response'
  | 'embedding'
  /** The caller leaves the stream after its first piece. */
  | 'aborted'
  /** The provider answers 429; the caller sees the error. */
  | 'failing'
  | 'sms'
  | 'payment'
  /** No provider: `recordUsage`. */
  | 'record';

/** Where the stand-ins are, for SERVICE_STAND_INS. */
export interface StandInPlaces {
  readonly openai: string;
  readonly twilio?: { readonly url: string; readonly account: string; readonly token: string };
  readonly stripe?: string;
}

const places = JSON.parse(process.env.SERVICE_STAND_INS ?? '{}') as StandInPlaces;

function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

const openai = lazily(async () => new OpenAI({ apiKey: 'sk-test', baseURL: places.openai, maxRetries: 0 }));
const twilio = lazily(async () => {
  const { default: create } = await import('twilio');
  const { url, account, token } = places.twilio!;
  const client = create(account, token);
  client.api.baseUrl = url;
  return client;
});
const stripe = lazily(async () => {
  const { default: Stripe } = await import('stripe');
  const { hostname, port } = new URL(places.stripe!);
  return new Stripe('sk_test_1', { host: hostname, port, protocol: 'http', maxNetworkRetries: 0 });
});

const messages = [{ role: 'user' as const, content: 'Say something short.' }];
const model = 'gpt-4o-mini';
const streamed = { model, messages, stream: true, stream_options: { include_usage: true } } as const;

/** Makes one call; resolves when its caller would go on. */
export const CALLS: Readonly<Record<CallKind, (id: string, client: string) => Promise<unknown>>> = {
  async chat(id, client) {
    return (await openai()).chat.completions.create({ model, messages }, marked(id, client, 'chat'));
  },
  async stream(id, client) {
    const stream = await (await openai()).chat.completions.create(streamed, marked(id, client, 'stream'));
    for await (const _ of stream);
  },
  async response(id, client) {
    const body = { model: 'gpt-4o', input: 'Say something short.' };
    return (await openai()).responses.create(body, marked(id, client, 'response'));
  },
  async embedding(id, client) {
    const body = { model: 'text-embedding-3-small', input: 'a few words' };
    return (await openai()).embeddings.create(body, marked(id, client, 'embedding'));
  },
  async aborted(id, client) {
    const stream = await (await openai()).chat.completions.create(streamed, marked(id, client, 'aborted'));
    for await (const _ of stream) break;
  },
  async failing(id, client) {
    const failing = { 'x-stand-in': '{"failure":{"status":429}}' };
    const call = (await openai()).chat.completions.create({ model, messages }, marked(id, client, 'failing', failing));
    await call.then(
      () => Promise.reject(new Error('it did not fail')),
      (error: { status?: number }) => (error.status === 429 ? undefined : Promise.reject(error)),
    );
  },
  async sms(id, client) {
    return (await twilio()).messages.create({ to: '+14155550101', from: '+14155550100', body: `${id} ${client}` });
  },
  async payment(id, client) {
    return (await stripe()).paymentIntents.create({
      amount: 1000,
      currency: 'usd',
      confirm: true,
      payment_method: 'pm_card_visa',
      metadata: { call: id, client },
      automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
      expand: ['latest_charge.balance_transaction'],
    });
  },
  async record() {
    recordUsage({ service: 'planner', operation: 'plan', quantity: 1, unit: 'request', cost: '0.0001' });
  },
};

function marked(id: string, client: string, kind: CallKind, more: Record<string, string> = {}) {
  return { headers: { 'x-call': id, 'x-call-client': client, 'x-call-kind': kind, ...more } };
}
