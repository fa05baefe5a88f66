import { createRequire } from 'node:module';
import { createOcrStandIn } from '../../../examples/src/stand-ins/generic/index.ts';
import { createGooglePlacesStandIn } from '../../../examples/src/stand-ins/google-places/index.ts';
import { createOpenAIStandIn } from '../../../examples/src/stand-ins/openai.ts';
import { createR2StandIn } from '../../../examples/src/stand-ins/r2/index.ts';
import { createStripeStandIn } from '../../../examples/src/stand-ins/stripe/index.ts';
import { createTwilioStandIn, type TwilioFailure } from '../../../examples/src/stand-ins/twilio/index.ts';
import type { Mark } from './search.ts';

const local = createRequire(import.meta.url);
export const marks = local('./marks.cjs') as {
  mark(name: string): string;
  phone(name: string): string;
  planted: Map<string, Mark>;
};
const { startHostile } = local('./hostile.cjs') as {
  startHostile(): Promise<{ url: string; port: number; close(): void }>;
};
const { mark, phone } = marks;

/** By the number that a text goes to. */
function twilioFailures(): ReadonlyMap<string, TwilioFailure> {
  const message = `The 'To' number ${phone('quoted to')} is not valid for "${mark('quoted text')}"`;
  return new Map<string, TwilioFailure>([
    [phone('quoted to'), { status: 400, code: 21211, message }],
    [phone('limited to'), { status: 429, message: mark('limited message') }],
    [phone('reset to'), { reset: true, accepted: true }],
    [phone('odd to'), { accepted: true, status: 201, body: `{"sid": "${mark('cut twilio answer')}` }],
    [phone('silent to'), { hang: true, accepted: true }],
    [phone('retried to'), { status: 500, body: `<html>${mark('html of Twilio')}</html>` }],
  ]);
}

/** Every provider on this machine, misbehaving where a marker asks for it. */
export async function startProviders() {
  const failures = twilioFailures();
  const authToken = mark('twilio token').padEnd(32, 'f');
  const names = ['openai', 'twilio', 'stripe', 'places', 'r2', 'other'] as const;
  const [openai, twilio, stripe, places, r2, ocr, ...hostile] = await Promise.all([
    createOpenAIStandIn(),
    createTwilioStandIn({
      authToken,
      failures: ({ form }) => failures.get(form.get('To') ?? ''),
      message: ({ to }) => (to === phone('undeliverable to') ? { status: 'failed', errorCode: 30003 } : undefined),
      call: ({ to }) => (to === phone('busy to') ? { status: 'busy' } : undefined),
    }),
    createStripeStandIn(),
    createGooglePlacesStandIn({ failures: ({ headers }) => (headers['x-fail'] === undefined ? undefined : 500) }),
    createR2StandIn({
      failures: ({ key }) =>
        key.startsWith('slow/') ? { status: 503, code: 'SlowDown', message: mark('r2 message') } : undefined,
    }),
    createOcrStandIn(),
    ...names.map(() => startHostile()),
  ]);
  const odd = Object.fromEntries(names.map((name, index) => [name, hostile[index]!]));
  return {
    twilio,
    stripe,
    ocr,
    hostileOcr: odd.other!,
    env: {
      TWILIO_AUTH_TOKEN: authToken,
      STANDINS: JSON.stringify({
        openai: openai.url,
        twilio: twilio.url,
        twilioAccount: twilio.accountSid,
        stripe: stripe.url,
        places: places.url,
        r2: r2.url,
        ocr: ocr.url,
        hostile: Object.fromEntries(names.map((name) => [name, odd[name]!.url])),
      }),
      CLIENT_COST_PROVIDER_HOSTS: [
        [openai.port, 'openai'],
        [odd.openai!.port, 'openai'],
        [places.port, 'google_places'],
        [odd.places!.port, 'google_places'],
        [r2.port, 'cloudflare_r2'],
        [odd.r2!.port, 'cloudflare_r2'],
      ]
        .map(([port, name]) => `127.0.0.1:${port}=${name}`)
        .join(','),
    },
    async close() {
      for (const server of hostile) server.close();
      await Promise.all([openai, twilio, stripe, places, r2, ocr].map((standIn) => standIn.close()));
    },
  };
}

export type Providers = Awaited<ReturnType<typeof startProviders>>;

/** Events with people in them, signed as Stripe signs them. */
export function stripeEvents({ stripe }: Providers): { body: string; signature: string }[] {
  const created = Math.floor(Date.now() / 1000);
  const person = {
    name: mark('event name'),
    email: `${mark('event mail')}@example.com`,
    phone: phone('event phone'),
    address: { line1: mark('event street'), city: mark('event city') },
  };
  const charge = {
    id: 'ch_event',
    object: 'charge',
    amount: 700,
    amount_captured: 700,
    captured: true,
    created,
    currency: 'usd',
    status: 'succeeded',
    billing_details: person,
    description: mark('event description'),
    receipt_url: `https://pay.stripe.com/receipts/${mark('receipt url')}`,
    metadata: { note: mark('event metadata') },
    payment_method: `pm_${mark('event payment method')}`,
    payment_method_details: { card: { fingerprint: mark('card fingerprint'), last4: '4242' } },
  };
  const event = (type: string, object: object) => ({
    id: `evt_${type}`,
    object: 'event',
    created,
    type,
    data: { object },
    request: { idempotency_key: mark('event idempotency key') },
  });
  return [
    event('charge.succeeded', charge),
    event('customer.created', { id: 'cus_1', object: 'customer', ...person }),
  ].map((one) => stripe.webhook(one as never, `whsec_${mark('stripe webhook secret')}`));
}

/** What Twilio posts of its own accord. */
export async function twilioWebhooks({ twilio }: Providers, app: string): Promise<void> {
  const to = phone('twilio from');
  const params = {
    ProfileName: mark('profile name'),
    FromCity: mark('from city'),
    FromZip: mark('from zip'),
    Address: mark('whatsapp address'),
    Latitude: '51.0447331',
    ErrorMessage: mark('error message of a callback'),
  };
  const url = `${app}/in?tenant=${mark('webhook query')}`;
  await twilio.receiveSms({ to, from: phone('texter'), body: mark('incoming text'), url, params });
  await twilio.receiveSms({
    to,
    from: phone('picture texter'),
    body: mark('incoming picture text'),
    url,
    mediaUrls: [`https://example.com/${mark('incoming media')}.jpg`],
  });
  await twilio.receiveCall({
    to,
    from: phone('caller'),
    url: `${url}&call=1`,
    statusCallback: `${url}&status=1`,
    params,
  });
  // Forged ones: the signature is a secret's neighbour too.
  await fetch(url, {
    method: 'POST',
    headers: { 'x-twilio-signature': mark('forged signature'), authorization: `Bearer ${mark('incoming token')}` },
    body: new URLSearchParams({ MessageSid: 'SM1', From: phone('forger'), Body: mark('forged text') }),
  });
}
