import { createRequire } from 'node:module';
import { environment } from '../environment.ts';
import { observeHttp } from '../http/observe.ts';
import { GOOGLE_PLACES_HOSTS } from './packages.ts';

const lazyRequire = createRequire(__filename);

/**
 * Records requests to the Places API that no package of ours makes: `fetch`, node:http, axios and with it
 * `@googlemaps/google-maps-services-js`. Nothing of the provider is loaded before the first one to its hosts.
 * @param more hosts beside Google's and those of `CLIENT_COST_PROVIDER_HOSTS`
 * @returns stops it
 */
export function observePlaces(more: readonly string[] = []): () => void {
  const hosts = [...GOOGLE_PLACES_HOSTS, ...hostsFromEnvironment(environment().CLIENT_COST_PROVIDER_HOSTS), ...more];
  return observeHttp(hosts, () => (lazyRequire('./rule.js') as typeof import('./rule.ts')).placesRule);
}

/** `gateway.corp:8443=google_places,…` → the hosts that are named so. Entries of other providers, or malformed ones, are the openai provider's to report. */
export function hostsFromEnvironment(value: string | undefined): string[] {
  return (value ?? '').split(',').flatMap((entry) => {
    const [host = '', provider = ''] = entry.split('=', 2).map((part) => part.trim().toLowerCase());
    return provider === 'google_places' && host !== '' ? [host] : [];
  });
}
