import { createGooglePlacesStandIn } from '../../../examples/src/stand-ins/google-places/index.ts';
import { createOpenAIStandIn } from '../../../examples/src/stand-ins/openai.ts';
import { createR2StandIn } from '../../../examples/src/stand-ins/r2/index.ts';
import { createStripeStandIn } from '../../../examples/src/stand-ins/stripe/index.ts';
import { type CallOutcome, createTwilioStandIn } from '../../../examples/src/stand-ins/twilio/index.ts';

/** How the calls to these numbers end; the others after 61 seconds. */
const CALLS: Record<string, CallOutcome> = {
  '+14155550160': { status: 'busy' },
  '+14155550104': { status: 'completed', duration: 60 },
};

/** Every provider, played on this machine, and how a service is told where they are. */
export async function startProviders() {
  const [openai, twilio, stripe, places, r2] = await Promise.all([
    createOpenAIStandIn({ models: 'any' }),
    createTwilioStandIn({
      message: ({ to }) => (to === '+14155550199' ? { status: 'failed', errorCode: 30003 } : undefined),
      call: ({ to }) => CALLS[String(to)],
    }),
    createStripeStandIn(),
    createGooglePlacesStandIn(),
    createR2StandIn({ buckets: ['files'] }),
  ]);
  return {
    openai,
    twilio,
    stripe,
    places,
    r2,
    /** Posts what Twilio would post, with a signature that is not Twilio's. */
    forger: {
      post: (url: string, params: Record<string, string>) =>
        fetch(url, {
          method: 'POST',
          headers: { 'x-twilio-signature': 'Zm9yZ2VkIHNpZ25hdHVyZSBieXRlcw==' },
          body: new URLSearchParams(params),
        }),
    },
    env: {
      TWILIO_AUTH_TOKEN: twilio.authToken,
      STANDINS: JSON.stringify({
        openai: openai.url,
        twilio: twilio.url,
        twilioAccount: twilio.accountSid,
        stripe: stripe.url,
        places: places.url,
        r2: r2.url,
      }),
      CLIENT_COST_PROVIDER_HOSTS: [
        `127.0.0.1:${openai.port}=openai`,
        `127.0.0.1:${places.port}=google_places`,
        `127.0.0.1:${r2.port}=cloudflare_r2`,
      ].join(','),
    },
    /** Statuses, callbacks and recordings that follow from the calls have happened. */
    async settled() {
      await twilio.idle();
    },
    async close() {
      await Promise.all([openai, twilio, stripe, places, r2].map((standIn) => standIn.close()));
    },
  };
}

export type Providers = Awaited<ReturnType<typeof startProviders>>;
