/**
 * The packages of the service, each made as its own documentation says. Where the demo plays the provider, an address in the environment
 * names it (TWILIO_API_URL, STRIPE_API_URL, PLACES_API_URL, R2_ENDPOINT); without it the package calls the provider.
 */
import { S3Client } from '@aws-sdk/client-s3';
import { Client as MapsClient } from '@googlemaps/google-maps-services-js';
import Stripe from 'stripe';
import twilioPackage from 'twilio';

/** Made at the first use: the service starts without the keys of providers that it is not asked to call. */
function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

function need(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set: this route needs it`);
  return value;
}

export const twilio = lazily(() => {
  const client = twilioPackage(need('TWILIO_ACCOUNT_SID'), need('TWILIO_AUTH_TOKEN'));
  if (process.env.TWILIO_API_URL !== undefined) client.api.baseUrl = process.env.TWILIO_API_URL;
  return client;
});

export const stripe = lazily(() => {
  const base = process.env.STRIPE_API_URL;
  if (base === undefined) return new Stripe(need('STRIPE_API_KEY'));
  const { hostname, port } = new URL(base);
  return new Stripe(need('STRIPE_API_KEY'), { host: hostname, port, protocol: 'http' });
});

export const maps = lazily(() => new MapsClient({}));
/** For requests of `maps()`: another address than Google's, where there is one. */
export const mapsUrl = (path: string): { url?: string } =>
  process.env.PLACES_API_URL === undefined ? {} : { url: `${process.env.PLACES_API_URL}/maps/api/place${path}` };
export const mapsKey = (): string => need('GOOGLE_MAPS_API_KEY');

export const r2 = lazily(
  () =>
    new S3Client({
      region: 'auto',
      endpoint: process.env.R2_ENDPOINT ?? `https://${need('R2_ACCOUNT_ID')}.r2.cloudflarestorage.com`,
      forcePathStyle: true,
      credentials: { accessKeyId: need('R2_ACCESS_KEY_ID'), secretAccessKey: need('R2_SECRET_ACCESS_KEY') },
    }),
);
