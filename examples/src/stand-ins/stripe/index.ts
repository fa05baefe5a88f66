import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeDispute, disputeNamed } from './after.ts';
import { chargeNamed, dispute } from './charges.ts';
import { StripeFault } from './error.ts';
import { type Form, parseForm } from './form.ts';
import { Idempotency } from './idempotency.ts';
import { expanded } from './lists.ts';
import { route } from './routes.ts';
import { newId, Store, type StoreOptions, type StripeObject } from './store.ts';

/** One request as it arrived. */
export interface StripeRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingMessage['headers'];
  /** The parsed body (or query of a GET). */
  readonly form: Form;
}

/** A request and how it was answered; `status` 0 where the connection was cut. */
export interface StripeExchange extends StripeRequest {
  readonly status: number;
  readonly requestId: string;
}

/** How an answer goes wrong. */
export type StripeFailure =
  | { readonly status: number; readonly error?: Record<string, unknown>; readonly headers?: Record<string, string> }
  | { readonly reset: true };

export interface StripeStandInOptions extends StoreOptions {
  /** A failure for a request, before anything is done. `attempt` counts requests with the same idempotency key from 0. */
  readonly failures?: (request: StripeRequest, attempt: number) => StripeFailure | undefined;
  /** The only key that is let in; default: every secret or restricted key (`sk_…`, `rk_…`) but `sk_…_wrong…`. */
  readonly apiKey?: string;
  /** Milliseconds before every answer (default 0). */
  readonly latencyMs?: number;
  /** Keep every exchange in `requests` (default true; off for long runs). */
  readonly record?: boolean;
  /** Called with each event that Stripe would send to webhooks. */
  readonly onEvent?: (event: StripeObject) => void;
  readonly port?: number;
  /** Default `127.0.0.1`. */
  readonly host?: string;
}

export interface StripeStandIn {
  /** `http://127.0.0.1:PORT`: `new Stripe(key, { host, port, protocol: 'http' })`. */
  readonly url: string;
  readonly port: number;
  readonly requests: StripeExchange[];
  readonly count: number;
  /** Every event so far, as webhooks would deliver them. */
  readonly events: readonly StripeObject[];
  /** Payload and `Stripe-Signature` of an event, as its webhook's request would carry them. */
  webhook(event: StripeObject, secret: string, at?: number): { readonly body: string; readonly signature: string };
  /** An object as it is stored, by its id. */
  object(id: string): StripeObject | undefined;
  /** Charges that wait for their balance transaction get it. */
  settle(): void;
  /** A cardholder disputes a charge. */
  dispute(chargeId: string): StripeObject;
  /** The bank decides a dispute. */
  decide(disputeId: string, status: 'lost' | 'won'): StripeObject;
  /** Ends all connections at once. */
  close(): Promise<void>;
}

/**
 * A local HTTP server that behaves like Stripe's API on the wire: payment intents, charges, refunds, disputes, balance
 * transactions, invoices; form encoding, keys, idempotency, expansion, paging, errors, signed webhooks.
 */
export async function createStripeStandIn(options: StripeStandInOptions = {}): Promise<StripeStandIn> {
  const store = new Store(options);
  store.onEvent = options.onEvent;
  const requests: StripeExchange[] = [];
  const sockets = new Set<Socket>();
  const idempotency = new Idempotency();
  let count = 0;
  const server = createServer((incoming, outgoing) => {
    count += 1;
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.on('error', () => outgoing.destroy());
    incoming.on('end', () => {
      const requestId = newId('req').replace('_3', '_');
      const seen = (request: StripeRequest, status: number) => {
        if (options.record !== false) requests.push({ ...request, status, requestId });
      };
      answer(store, idempotency, options, incoming, Buffer.concat(parts).toString(), outgoing, requestId, seen).catch(
        (error: unknown) => {
          if (!outgoing.destroyed)
            send(outgoing, 500, { error: { message: `stand-in: ${error}`, type: 'api_error' } }, {});
        },
      );
    });
  });
  server.keepAliveTimeout = 60_000;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}`,
    port,
    requests,
    get count() {
      return count;
    },
    events: store.events,
    webhook(event, secret, at = store.now()) {
      const body = JSON.stringify(event, null, 2);
      const digest = createHmac('sha256', secret).update(`${at}.${body}`).digest('hex');
      return { body, signature: `t=${at},v1=${digest}` };
    },
    object: (id) => store.get(id),
    settle: () => store.settle(),
    dispute: (id) => dispute(store, chargeNamed(store, id)),
    decide: (id, status) => closeDispute(store, disputeNamed(store, id), status),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(
  store: Store,
  idempotency: Idempotency,
  options: StripeStandInOptions,
  incoming: IncomingMessage,
  body: string,
  outgoing: ServerResponse,
  requestId: string,
  seen: (request: StripeRequest, status: number) => void,
): Promise<void> {
  const url = new URL(incoming.url ?? '/', 'http://stripe');
  const method = incoming.method ?? 'GET';
  const { headers } = incoming;
  let request: StripeRequest = { method, path: url.pathname, query: url.search, headers, form: {} };
  const key = method === 'POST' ? headers['idempotency-key']?.toString() : undefined;
  const common: Record<string, string> = {
    'request-id': requestId,
    'stripe-version': headers['stripe-version']?.toString() ?? '2026-06-24.dahlia',
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  };
  if (options.latencyMs) await sleep(options.latencyMs);
  try {
    request = { ...request, form: parseForm(method === 'POST' ? body : url.search.slice(1)) };
    const failure = options.failures?.(request, idempotency.attempt(key));
    if (failure && 'reset' in failure) {
      seen(request, 0);
      incoming.socket.destroy();
      return;
    }
    if (failure) throw scripted(failure);
    store.livemode = authenticate(headers.authorization, options.apiKey);
    if (/^\/v1\/quotes\/[^/]+\/pdf$/.test(url.pathname)) {
      seen(request, 200);
      outgoing.writeHead(200, { ...common, 'content-type': 'application/pdf' }).end('%PDF-1.4 a quote');
      return;
    }
    const done = idempotency.run(key, `${url.pathname}\n${body}`, requestId, () =>
      expanded(store, route(store, method, url.pathname, request.form), request.form, common['stripe-version'] ?? ''),
    );
    seen(request, done.status);
    send(outgoing, done.status, done.body, { ...common, ...done.headers });
  } catch (error) {
    const fault =
      error instanceof StripeFault ? error : new StripeFault(400, 'invalid_request_error', (error as Error).message);
    seen(request, fault.status);
    send(outgoing, fault.status, fault.body, { ...common, ...fault.headers });
  }
}

function scripted({ status, error, headers }: Exclude<StripeFailure, { reset: true }>): StripeFault {
  if (status === 429) {
    const message =
      'This object cannot be accessed right now because another API request or Stripe process is currently accessing it.';
    const more = { code: 'lock_timeout', ...error };
    return new StripeFault(429, 'invalid_request_error', message, more, { 'stripe-should-retry': 'true', ...headers });
  }
  return new StripeFault(
    status,
    status >= 500 ? 'api_error' : 'invalid_request_error',
    `Answer ${status}.`,
    error,
    headers,
  );
}

/** Whether the key is a live one. @throws StripeFault 401 */
function authenticate(authorization: string | undefined, only: string | undefined): boolean {
  const [scheme, credentials = ''] = authorization?.split(' ') ?? [];
  const key = scheme === 'Basic' ? Buffer.from(credentials, 'base64').toString().replace(/:.*$/, '') : credentials;
  if (key === '') {
    const message =
      'You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth.';
    throw new StripeFault(401, 'invalid_request_error', message, {}, { 'www-authenticate': 'Basic realm="Stripe"' });
  }
  const known = only === undefined ? /^(sk|rk)_(?!\w*wrong)/.test(key) : key === only;
  if (!known) {
    const shown = `${key.slice(0, 8)}${'*'.repeat(8)}${key.slice(-4)}`;
    throw new StripeFault(401, 'invalid_request_error', `Invalid API Key provided: ${shown}`);
  }
  return key.includes('_live_');
}

function send(outgoing: ServerResponse, status: number, body: unknown, headers: Record<string, string>): void {
  outgoing.writeHead(status, { 'content-type': 'application/json', ...headers });
  outgoing.end(JSON.stringify(body, null, 2));
}
