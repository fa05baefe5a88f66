import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** What a provider's package is given to call, on a server of ours. */
export interface Place {
  readonly url: string;
}

export interface ProviderCall {
  /** What stands in the table. */
  readonly label: string;
  /** `usage.service` behind the server's address, where the package does not say it (`CLIENT_COST_PROVIDER_HOSTS`). */
  readonly host?: string;
  /** Loads the package and gives the call. */
  readonly prepare: (place: Place) => () => Promise<unknown>;
}

/** One typical call of each provider, as its documentation writes it. Packages are CommonJS here: that is what --require patches. */
export const PROVIDER_CALLS: Readonly<Record<string, ProviderCall>> = {
  openai: {
    label: 'openai: chat.completions.create',
    host: 'openai',
    prepare: ({ url }) => {
      const OpenAI = require('openai') as typeof import('openai').default;
      const openai = new OpenAI({ apiKey: 'sk-bench', baseURL: `${url}/v1`, maxRetries: 0 });
      return () =>
        openai.chat.completions.create({
          model: 'gpt-4o-mini',
          messages: [{ role: 'user', content: 'Are you open?' }],
        });
    },
  },
  twilio: {
    label: 'twilio: messages.create',
    prepare: ({ url }) => {
      const twilio = require('twilio') as typeof import('twilio');
      const inner = new twilio.RequestClient();
      type Options = Parameters<typeof inner.request>[0];
      const httpClient = {
        request: (options: Options) =>
          inner.request({ ...options, uri: url + new URL(options.uri).pathname } as Options),
      } as unknown as InstanceType<typeof twilio.RequestClient>;
      const client = twilio('AC00000000000000000000000000000001', 'token', { httpClient });
      return () =>
        client.messages.create({ to: '+15005550006', from: '+15005550001', body: 'Your appointment is at 3.' });
    },
  },
  stripe: {
    label: 'stripe: paymentIntents.create',
    prepare: ({ url }) => {
      const Stripe = require('stripe') as typeof import('stripe').default;
      const { hostname, port } = new URL(url);
      const stripe = new Stripe('sk_test_bench', { host: hostname, port, protocol: 'http', telemetry: false });
      return () =>
        stripe.paymentIntents.create({ amount: 4900, currency: 'usd', confirm: true, payment_method: 'pm_card_visa' });
    },
  },
  'google-places': {
    label: 'google places: fetch of searchText',
    host: 'google_places',
    prepare: ({ url }) => {
      const init = {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'X-Goog-Api-Key': 'key',
          'X-Goog-FieldMask': 'places.id,places.displayName',
        },
        body: JSON.stringify({ textQuery: 'plumber' }),
      };
      return async () => (await fetch(`${url}/v1/places:searchText`, init)).json();
    },
  },
  'cloudflare-r2': {
    label: 'cloudflare r2: GetObject',
    host: 'cloudflare_r2',
    prepare: ({ url }) => {
      const { GetObjectCommand, S3Client } = require('@aws-sdk/client-s3') as typeof import('@aws-sdk/client-s3');
      const client = new S3Client({
        region: 'auto',
        endpoint: url,
        forcePathStyle: true,
        credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
      });
      return async () =>
        (await client.send(new GetObjectCommand({ Bucket: 'files', Key: 'report.txt' }))).Body!.transformToString();
    },
  },
};
