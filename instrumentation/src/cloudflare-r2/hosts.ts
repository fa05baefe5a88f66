import { environment } from '../environment.ts';
import { parseProviderHosts } from '../provider-hosts.ts';

const SERVICE = 'cloudflare_r2';
/** `<account>.r2.cloudflarestorage.com`, `<account>.eu.r2.…`, `<account>.fedramp.r2.…`, with or without a bucket in front. */
const R2_DOMAIN = '.r2.cloudflarestorage.com';

/** Where a request goes to, as `server.address` and `server.port` say it. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

let fromEnvironment: Map<string, string> | undefined;
let configured = new Map<string, string>();
let cache = new Map<string, Endpoint | null>();
const MAX_CACHED = 1_000;

/** The instrumentation's `providerHosts`; `resetEnvironment` reads `CLIENT_COST_PROVIDER_HOSTS` anew (tests). */
export function configureHosts(hosts: Readonly<Record<string, string>> | undefined, resetEnvironment = false): void {
  const entries = Object.entries(hosts ?? {}).map(([host, name]) => `${host}=${name}`);
  configured = parseProviderHosts(entries.join(','));
  if (resetEnvironment) fromEnvironment = undefined;
  cache = new Map();
}

/** The endpoint of a request of the SDK, or undefined: it does not go to R2. */
export function r2EndpointOf(request: unknown): Endpoint | undefined {
  const { hostname, port, protocol } = (request ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof hostname !== 'string') return undefined;
  const key = `${hostname}:${port ?? protocol ?? ''}`;
  let endpoint = cache.get(key);
  if (endpoint === undefined) {
    const number = port === undefined || port === null ? (protocol === 'http:' ? 80 : 443) : Number(port);
    endpoint = resolve(hostname.toLowerCase(), number);
    if (cache.size >= MAX_CACHED) cache.clear();
    cache.set(key, endpoint);
  }
  return endpoint ?? undefined;
}

function resolve(host: string, port: number): Endpoint | null {
  const named = serviceNamed(host, port);
  if (named === undefined ? !host.endsWith(R2_DOMAIN) : named !== SERVICE) return null;
  return { address: host.replace(/^\[|\]$/g, ''), port };
}

/** What the user says about a host. Without path style the bucket stands in front of it: the part behind the first dot counts too. */
function serviceNamed(host: string, port: number): string | undefined {
  fromEnvironment ??= parseProviderHosts(environment().CLIENT_COST_PROVIDER_HOSTS);
  const withoutBucket = host.slice(host.indexOf('.') + 1);
  for (const name of host === withoutBucket ? [host] : [host, withoutBucket]) {
    for (const hosts of [configured, fromEnvironment]) {
      const found = hosts.get(`${name}:${port}`) ?? hosts.get(name);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
