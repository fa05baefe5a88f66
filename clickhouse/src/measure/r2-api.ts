import { setTimeout as wait } from 'node:timers/promises';
import { AwsClient } from 'aws4fetch';
import PQueue from 'p-queue';
import pRetry, { AbortError } from 'p-retry';
import { ProviderApiError, ProviderSettingError } from '../provider-api/index.ts';
import { bucketNames, errorOf, type Listing, listing } from './r2-xml.ts';

export interface R2Settings {
  readonly env: NodeJS.ProcessEnv;
  /** In place of `https://<account>.r2.cloudflarestorage.com`. */
  readonly endpoint?: string | undefined;
  /** `eu`, `fedramp`, … */
  readonly jurisdiction?: string | undefined;
  /** Requests that may start in a second. Default 10. */
  readonly perSecond?: number | undefined;
  /** Attempts after the first one. Default 6. */
  readonly retries?: number | undefined;
  /** The first wait in milliseconds. Default 1,000. */
  readonly backoffMs?: number | undefined;
}

/** What of R2's S3 API a measurement needs. */
export interface R2Api {
  /** Who is asked: the endpoint's host. Part of what a charge is known by. */
  readonly account: string;
  /** Requests sent so far: each is a class A operation on the bill. */
  readonly requests: number;
  /** @throws ProviderApiError, status 403 where the keys are for single buckets only */
  listBuckets(): Promise<string[]>;
  /** One page of up to 1,000 objects. @throws ProviderApiError */
  listObjects(bucket: string, token: string | undefined): Promise<Listing>;
}

const LONGEST_WAIT_MS = 300_000;
const KEYS = 'R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY';

class Transient extends Error {}

/** A client of R2's S3 API with the keys of the environment; nothing is sent yet. @throws ProviderSettingError */
export function r2Api(settings: R2Settings): R2Api {
  const { env, perSecond = 10, retries = 6, backoffMs = 1_000 } = settings;
  const accessKeyId = required(env, 'R2_ACCESS_KEY_ID');
  const secretAccessKey = required(env, 'R2_SECRET_ACCESS_KEY');
  const endpoint = endpointOf(settings);
  // aws4fetch signs; repeating is done here, where what the provider says about waiting is heard.
  const signer = new AwsClient({ accessKeyId, secretAccessKey, service: 's3', region: 'auto', retries: 0 });
  const queue = new PQueue({ concurrency: 4, interval: 1_000, intervalCap: perSecond, strict: true });
  let requests = 0;

  const problem = (message: string, status?: number) =>
    new ProviderApiError('R2', message.replaceAll(secretAccessKey, '***'), status);

  async function attempt(url: URL): Promise<string> {
    requests += 1;
    let response: Response;
    let text: string;
    try {
      const request = await signer.sign(url.href);
      response = await fetch(request, { redirect: 'manual', signal: AbortSignal.timeout(30_000) });
      text = await response.text();
    } catch (error) {
      const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
      throw new Transient(`cannot be reached (${cause?.code ?? (error as Error).name})`);
    }
    const { status } = response;
    if (status >= 200 && status < 300) return text;
    const { code, message } = errorOf(text);
    const why = code === '' ? String(status) : `${status} ${code}: ${message}`;
    if (status === 429 || status === 408 || status >= 500) {
      await wait(retryAfter(response.headers));
      throw new Transient(`answers ${why}`);
    }
    if (code === 'NoSuchBucket')
      throw new AbortError(problem(`bucket ${bucketOf(url)} does not exist (${why})`, status));
    if (status === 401 || code === 'SignatureDoesNotMatch' || code === 'InvalidAccessKeyId') {
      throw new AbortError(problem(`R2 does not accept the keys (${why}): check ${KEYS}`, 401));
    }
    if (status === 403) throw new AbortError(problem(`the keys give no right to ${url.pathname} (${why})`, status));
    throw new AbortError(problem(`R2 refuses ${url.pathname} (${why}): check --endpoint`, status));
  }

  async function get(path: string, query: Readonly<Record<string, string | undefined>> = {}): Promise<string> {
    const url = new URL(endpoint.href.replace(/\/$/, '') + path);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
    try {
      return await pRetry(() => queue.add(() => attempt(url)), {
        retries,
        minTimeout: backoffMs,
        maxTimeout: 60_000,
        randomize: true,
        shouldRetry: ({ error }) => error instanceof Transient,
      });
    } catch (error) {
      if (!(error instanceof Transient)) throw error;
      throw problem(
        `R2 at ${endpoint.origin} ${error.message}; gave up after ${retries + 1} attempts: run it again later`,
      );
    }
  }

  return {
    account: endpoint.host,
    get requests() {
      return requests;
    },
    async listBuckets() {
      const names: string[] = [];
      let token: string | undefined;
      do {
        const page = bucketNames(await get('/', { 'continuation-token': token }));
        if (page === undefined)
          throw problem(`R2 at ${endpoint.origin} answered with something that is no list: check --endpoint`);
        names.push(...page.names);
        token = page.next;
      } while (token !== undefined);
      return names.sort();
    },
    async listObjects(bucket, token) {
      const query = { 'list-type': '2', 'encoding-type': 'url', 'max-keys': '1000', 'continuation-token': token };
      const page = listing(await get(`/${bucket}`, query));
      if (page === undefined)
        throw problem(`R2 answered with something that is no list of ${bucket}: check --endpoint`);
      if (page.next !== undefined && page.next === token) throw problem(`R2 repeats a page of ${bucket}: stopped`);
      return page;
    },
  };
}

const bucketOf = (url: URL): string => url.pathname.slice(1);

function endpointOf({ env, endpoint, jurisdiction }: R2Settings): URL {
  if (endpoint === undefined) {
    const account = required(env, 'R2_ACCOUNT_ID');
    if (!/^[0-9a-f]{32}$/.test(account)) {
      throw new ProviderSettingError('R2_ACCOUNT_ID is no account id: expected 32 hexadecimal digits');
    }
    const where = jurisdiction === undefined ? '' : `${jurisdiction}.`;
    return new URL(`https://${account}.${where}r2.cloudflarestorage.com`);
  }
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '') {
    throw new ProviderSettingError('--endpoint: expected an address like https://<account>.r2.cloudflarestorage.com');
  }
  if (url.protocol === 'http:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)) {
    throw new ProviderSettingError(
      `--endpoint ${url.origin}: signed requests go over https only (http is for this machine)`,
    );
  }
  return url;
}

function required(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name]?.trim();
  if (value) return value;
  const what =
    name === 'R2_ACCOUNT_ID' ? 'the account id (or give --endpoint)' : 'the keys of an R2 API token that may read';
  throw new ProviderSettingError(`${name} is not set: expected ${what}`);
}

/** Milliseconds that the provider asks to wait; none where it does not. */
function retryAfter(headers: Headers): number {
  const seconds = Number(headers.get('retry-after') ?? 0);
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0) * 1_000, LONGEST_WAIT_MS) : 0;
}
