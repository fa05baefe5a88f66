import { setTimeout as wait } from 'node:timers/promises';
import PQueue from 'p-queue';
import pRetry, { AbortError } from 'p-retry';
import { ProviderApiError } from './errors.ts';

export interface ApiClientOptions {
  /** For messages: `Twilio`. */
  readonly provider: string;
  /** Where the API is, without a slash at the end: `https://api.twilio.com`. */
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Values that must never be in a message. */
  readonly secrets: readonly string[];
  /** What to check when the login is refused: `check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN`. */
  readonly loginHint: string;
  /** Requests at the same time. Default 4. */
  readonly concurrency?: number | undefined;
  /** Requests that may start in a second. Default 10. */
  readonly perSecond?: number | undefined;
  /** Milliseconds until an attempt is given up. Default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** Attempts after the first one. Default 6: about two minutes with the waiting. */
  readonly retries?: number | undefined;
  /** The first wait in milliseconds; each further one is twice as long, times 1 to 2. Default 1,000. */
  readonly backoffMs?: number | undefined;
}

export type Json = Readonly<Record<string, unknown>>;
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/**
 * GET requests to one provider's API: rate-limited, repeated where that can help, explained where it cannot. The first one that fails for good
 * ends those that wait, with the same error.
 */
export interface ApiClient {
  readonly provider: string;
  /** Requests sent so far, repeated ones included. */
  readonly requests: number;
  /** The answer's JSON object. @throws ProviderApiError */
  get(path: string, query?: Query): Promise<Json>;
  /** As `get`; undefined when the provider knows no such thing (404). @throws ProviderApiError */
  find(path: string, query?: Query): Promise<Json | undefined>;
}

const LONGEST_WAIT_MS = 300_000;

/** A failure that may be over soon. */
class Transient extends Error {
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

/** Makes a client; nothing is sent yet. */
export function createApiClient(options: ApiClientOptions): ApiClient {
  const { provider, concurrency = 4, perSecond = 10, timeoutMs = 30_000, retries = 6, backoffMs = 1_000 } = options;
  const queue = new PQueue({ concurrency, interval: 1_000, intervalCap: perSecond, strict: true });
  const origin = new URL(options.baseUrl).origin;
  // The first failure for good ends everything that waits: a run that is over must not go on asking.
  const over = new AbortController();
  let requests = 0;
  let quietUntil = 0;

  const clean = (text: string): string => {
    const hidden = options.secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
    // Some providers repeat a part of the key they refuse.
    return hidden.replace(/\b(sk|rk|pk)[-_][\w*-]{4,}/g, '***').slice(0, 300);
  };

  async function attempt(url: URL): Promise<Json | undefined> {
    const quiet = quietUntil - Date.now();
    if (quiet > 0) await wait(quiet, undefined, { signal: over.signal });
    requests += 1;
    let status: number;
    let headers: Headers;
    let text: string;
    try {
      const response = await fetch(url, {
        headers: { accept: 'application/json', 'user-agent': 'client-cost', ...options.headers },
        // A redirect elsewhere would take the credentials along.
        redirect: 'manual',
        signal: AbortSignal.any([over.signal, AbortSignal.timeout(timeoutMs)]),
      });
      ({ status, headers } = response);
      text = await response.text();
    } catch (error) {
      throw new Transient(networkProblem(error, timeoutMs));
    }
    if (status === 404) return undefined;
    if (status === 429 || status === 408 || status === 409 || status >= 500) {
      // Everybody waits, and before this one's place is free: further requests would only prolong it.
      quietUntil = Math.max(quietUntil, Date.now() + (retryAfter(headers) ?? 0));
      throw new Transient(`answers ${status}${sayWhy(text)}`, status);
    }
    if (status < 200 || status >= 300) throw new AbortError(refused(status, text));
    return parse(text, url);
  }

  function refused(status: number, text: string): ProviderApiError {
    const why = clean(sayWhy(text));
    if (status === 401)
      return problem(`${provider} does not accept the login (401${why}): ${options.loginHint}`, status);
    if (status === 403) {
      return problem(
        `${provider} does not allow this (403${why}): the key lacks a right, or is of another account`,
        status,
      );
    }
    if (status >= 300 && status < 400) return problem(`${provider} redirects (${status}): check --api-url`, status);
    return problem(`${provider} refuses the request (${status}${why})`, status);
  }

  function parse(text: string, url: URL): Json {
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
    } catch {
      // said below
    }
    throw new AbortError(
      problem(`${provider} answered ${url.pathname} with something that is no JSON object: check --api-url`),
    );
  }

  const problem = (message: string, status?: number): ProviderApiError =>
    new ProviderApiError(provider, message, status);

  async function find(path: string, query: Query = {}): Promise<Json | undefined> {
    const url = address(options.baseUrl, path, query);
    if (url.origin !== origin) throw problem(`${provider} names a next page on another host (${url.host}): not asked`);
    try {
      return await pRetry(() => queue.add(() => attempt(url), { signal: over.signal }), {
        signal: over.signal,
        retries,
        minTimeout: backoffMs,
        maxTimeout: 60_000,
        randomize: true,
        shouldRetry: ({ error }) => error instanceof Transient,
      });
    } catch (error) {
      if (!over.signal.aborted) over.abort(error instanceof Transient ? gaveUp(error) : error);
      throw over.signal.reason;
    }
  }

  function gaveUp(error: Transient): ProviderApiError {
    const what = `${provider} at ${origin} ${clean(error.message)}; gave up after ${retries + 1} attempts`;
    return problem(`${what}. What is done is kept: run it again later`, error.status);
  }

  return {
    provider,
    get requests() {
      return requests;
    },
    find,
    async get(path, query) {
      const found = await find(path, query);
      if (found === undefined) {
        throw problem(`${provider} knows no ${path.split('?')[0]} (404): check the account and --api-url`, 404);
      }
      return found;
    },
  };
}

function address(baseUrl: string, path: string, query: Query): URL {
  const url = new URL(/^https?:/.test(path) ? path : baseUrl + path);
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    if (Array.isArray(value)) for (const one of value) url.searchParams.append(name, one);
    else url.searchParams.append(name, String(value));
  }
  return url;
}

/** Seconds or a date, or OpenAI's milliseconds; at most five minutes. */
function retryAfter(headers: Headers): number | undefined {
  const millis = Number(headers.get('retry-after-ms') ?? Number.NaN);
  if (millis >= 0) return Math.min(millis, LONGEST_WAIT_MS);
  const text = headers.get('retry-after');
  if (text === null) return undefined;
  const ms = /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), LONGEST_WAIT_MS);
}

function networkProblem(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `gives no answer within ${timeoutMs / 1_000} s`;
  const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  return `cannot be reached (${cause?.code ?? cause?.message ?? 'no connection'})`;
}

/** The provider's own words: `{message}` (Twilio), `{error: {message}}` (Stripe, OpenAI). */
function sayWhy(text: string): string {
  try {
    const body = JSON.parse(text) as { message?: unknown; error?: { message?: unknown } };
    const message = body.error?.message ?? body.message;
    return typeof message === 'string' && message !== '' ? `: ${message}` : '';
  } catch {
    return '';
  }
}
