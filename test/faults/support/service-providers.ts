import {
  createOpenAIStandIn,
  createStripeStandIn,
  createTwilioStandIn,
} from '../../../examples/dist/stand-ins/index.js';
import { type Caller, type CallerOptions, startCaller } from './caller.ts';
import type { CallKind, StandInPlaces } from './service-calls.ts';

/** A call that a stand-in answered, and what it costs; `cost` is undefined where it is an estimate. */
export interface Served {
  readonly client: string;
  readonly kind: CallKind;
  /** In 1e-12 USD. */
  readonly cost: bigint | undefined;
}

export interface Providers {
  /** With `/v1`. */
  readonly openaiUrl: string;
  /** What was answered so far, by call id. */
  served(): Map<string, Served>;
  /** A measured service that calls them: service-main.ts. */
  start(options: ServiceOptions): Promise<Caller>;
  /** What other scripts than `start`'s need in their environment. */
  env(kinds: readonly CallKind[]): Record<string, string>;
  close(): Promise<void>;
}

export type ServiceOptions = Omit<CallerOptions, 'standInUrl' | 'script'> & {
  readonly kinds?: readonly CallKind[];
  /** Bytes of metadata in each event. */
  readonly pad?: number;
  readonly script?: string;
};

// List prices in 1e-12 USD: a token in, a token out.
const PRICES: Partial<Record<CallKind, readonly [bigint, bigint]>> = {
  chat: [150_000n, 600_000n],
  stream: [150_000n, 600_000n],
  response: [2_500_000n, 10_000_000n],
  embedding: [20_000n, 0n],
};
/** One segment within the US; 2.9 % + 0.30 of 10 USD. */
const SMS = 8_300_000_000n;
const PAYMENT = 590_000_000_000n;

/** Token counts that differ from call to call and follow from its id. */
function usageOf(id: string): { input: number; output: number } {
  let hash = 7;
  for (let i = 0; i < id.length; i++) hash = (Math.imul(hash, 31) + id.charCodeAt(i)) >>> 0;
  return { input: 50 + (hash % 1000), output: 5 + ((hash >>> 12) % 200) };
}

/** Stand-ins of the providers that `kinds` need, which tell what they answered. */
export async function startProviders(
  options: { readonly twilio?: boolean; readonly stripe?: boolean } = {},
): Promise<Providers> {
  const answered = new Map<string, Served>();
  const openai = await createOpenAIStandIn({
    record: false,
    // Asked for each request right before its answer, failing ones included.
    failures: ({ headers }) => {
      const kind = headers['x-call-kind'] as CallKind;
      answered.set(String(headers['x-call']), { client: String(headers['x-call-client']), kind, cost: undefined });
      return undefined;
    },
    usage: (request) => {
      const id = String(request.headers['x-call']);
      const before = answered.get(id)!;
      const usage = usageOf(id);
      const prices = PRICES[before.kind];
      const cost = prices && BigInt(usage.input) * prices[0] + BigInt(usage.output) * prices[1];
      answered.set(id, { ...before, cost });
      return before.kind === 'embedding' ? { input: usage.input } : usage;
    },
  });
  const twilio = options.twilio ? await createTwilioStandIn() : undefined;
  const stripe = options.stripe ? await createStripeStandIn() : undefined;
  const places: StandInPlaces = {
    openai: openai.url,
    ...(twilio && { twilio: { url: twilio.url, account: twilio.accountSid, token: twilio.authToken } }),
    ...(stripe && { stripe: stripe.url }),
  };
  const env = (kinds: readonly CallKind[]) => ({
    SERVICE_KINDS: kinds.join(','),
    SERVICE_STAND_INS: JSON.stringify(places),
  });
  return {
    openaiUrl: openai.url,
    served() {
      const served = new Map(answered);
      for (const { form, status } of twilio?.requests ?? []) {
        const [id, client] = (form.get('Body') ?? '').split(' ');
        if (status !== 0) served.set(id!, { client: client!, kind: 'sms', cost: SMS });
      }
      for (const { form, status } of stripe?.requests ?? []) {
        const { call, client } = form.metadata as { call: string; client: string };
        if (status !== 0) served.set(call, { client, kind: 'payment', cost: PAYMENT });
      }
      return served;
    },
    env,
    start({ kinds = ['chat', 'stream', 'response', 'embedding'], pad, ...rest }) {
      return startCaller({
        script: new URL('service-main.ts', import.meta.url).pathname,
        ...rest,
        standInUrl: openai.url,
        env: { ...env(kinds), ...(pad === undefined ? {} : { SERVICE_PAD: String(pad) }), ...rest.env },
      });
    },
    async close() {
      await Promise.all([openai.close(), twilio?.close(), stripe?.close()]);
    },
  };
}
