import {
  createGooglePlacesStandIn,
  createOpenAIStandIn,
  createR2StandIn,
  createStripeStandIn,
  createTwilioStandIn,
} from '../stand-ins/index.ts';
import type { DemoClient } from './clients.ts';
import { numberOf } from './purchases.ts';
import { businessUsage } from './usage.ts';

const BUCKET = 'lead-files';

/** The paid providers, played on this machine, and the environment that leads the service to them. */
export async function startProviders(clients: readonly DemoClient[]) {
  const [openai, twilio, stripe, places, r2] = await Promise.all([
    createOpenAIStandIn({ usage: businessUsage }),
    createTwilioStandIn({
      call: ({ to }) => ({ status: 'completed', duration: 20 + (Number(String(to).slice(-2)) % 5) * 40 }),
    }),
    createStripeStandIn(),
    createGooglePlacesStandIn(),
    createR2StandIn({ buckets: [BUCKET] }),
  ]);
  const all = [openai, twilio, stripe, places, r2];
  const numbers = Object.fromEntries(clients.map(({ id }, index) => [numberOf(index), id]));
  const env: Record<string, string> = {
    OPENAI_API_KEY: 'sk-demo',
    OPENAI_BASE_URL: openai.url,
    TWILIO_ACCOUNT_SID: twilio.accountSid,
    TWILIO_AUTH_TOKEN: twilio.authToken,
    TWILIO_API_URL: twilio.url,
    CLIENT_NUMBERS: JSON.stringify(numbers),
    STRIPE_API_KEY: 'sk_test_demo',
    STRIPE_API_URL: stripe.url,
    GOOGLE_MAPS_API_KEY: 'demo',
    PLACES_API_URL: places.url,
    R2_ENDPOINT: r2.url,
    R2_BUCKET: BUCKET,
    R2_ACCESS_KEY_ID: 'demo',
    R2_SECRET_ACCESS_KEY: 'demo',
    // The stand-ins are the providers for this purpose; a gateway would be named the same way.
    CLIENT_COST_PROVIDER_HOSTS: [
      `127.0.0.1:${openai.port}=openai`,
      `127.0.0.1:${places.port}=google_places`,
      `127.0.0.1:${r2.port}=cloudflare_r2`,
    ].join(','),
  };
  return {
    openai,
    twilio,
    stripe,
    places,
    r2,
    env,
    close: async () => {
      await Promise.all(all.map((standIn) => standIn.close()));
    },
  };
}

export type DemoProviders = Awaited<ReturnType<typeof startProviders>>;
