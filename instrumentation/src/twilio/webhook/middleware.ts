import type { IncomingMessage, ServerResponse } from 'node:http';
import { currentScope, setClient } from '../../attribution/index.ts';
import { activeRequest, RequestScope, runInScope } from '../../attribution/scope.ts';
import { quote, warnOnce } from '../../log.ts';
import { startRecording } from '../../start.ts';
import { onceFinished, wantBodies, warnForged } from './automatic.ts';
import { type BodyResult, bodyOf, noteOf, type WebhookRequest } from './body.ts';
import { asBody, param, type WebhookParams } from './params.ts';
import { recordWebhook } from './record.ts';
import { asBaseUrl, readWebhookSettings } from './settings.ts';
import type { UrlOptions } from './urls.ts';
import { isForm, SIGNATURE_HEADER, verifiedParams } from './verify.ts';
import { DEFAULT_LIMIT, type Watched } from './watch.ts';

/** Settings of `twilioWebhook`. */
export interface TwilioWebhookOptions {
  /**
   * The auth token that signs the webhooks; several for subaccounts, or while a token is being rotated. Default: the
   * environment's `TWILIO_AUTH_TOKEN` and `CLIENT_COST_TWILIO_AUTH_TOKENS`.
   */
  readonly authToken?: string | readonly string[] | undefined;
  /** The whole address as it is configured at Twilio, where it is always the same one. */
  readonly url?: string | undefined;
  /**
   * What stands before the path in the address that Twilio calls: `https://api.example.com`. Default:
   * `CLIENT_COST_PUBLIC_URL`, else the Host header.
   */
  readonly publicUrl?: string | undefined;
  /** Believe `X-Forwarded-Proto` and `X-Forwarded-Host`. Default: `CLIENT_COST_TRUST_PROXY`, else false. */
  readonly trustProxy?: boolean | undefined;
  /** Who pays, by the webhook's parameters (`To`, `AccountSid`, …). `setClient` in a handler has the last word. */
  readonly client?: ((params: TwilioWebhookParams) => string | undefined) | undefined;
  /** Largest body in bytes; a larger one is answered 413. Default: 65536. */
  readonly limit?: number | undefined;
}

/** Parameters by name; those that were sent with different values are left out. */
export type TwilioWebhookParams = Readonly<Record<string, string | undefined>>;

/** A middleware of express, connect and whatever calls them so. */
export type TwilioWebhookMiddleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

interface Settings {
  readonly tokens: readonly string[];
  readonly urls: UrlOptions;
  readonly limit: number;
  readonly client: TwilioWebhookOptions['client'];
}

/**
 * Lets Twilio's webhooks pass and records what they say: messages and calls that come in, calls and recordings that end,
 * messages that fail. A request that is unsigned or whose signature is not valid is answered 403 and not recorded. Before or
 * after a body parser: `request.body` is the form afterwards, and the stream is unread where it was.
 *
 * @throws when no auth token is known, or an address is none: nothing could be verified
 */
export function twilioWebhook(options: TwilioWebhookOptions = {}): TwilioWebhookMiddleware {
  const settings = settingsOf(options);
  startRecording();
  wantBodies(settings.limit);
  return (request, response, next) => handle(request, response, next, settings);
}

function settingsOf(options: TwilioWebhookOptions): Settings {
  const environment = readWebhookSettings();
  const { authToken, url, publicUrl, trustProxy = environment.trustProxy, limit = DEFAULT_LIMIT } = options;
  const given = authToken === undefined ? environment.tokens : [authToken].flat();
  const tokens = given.filter((token) => typeof token === 'string' && token !== '');
  if (tokens.length === 0) {
    throw new Error(
      'twilioWebhook: no auth token to verify signatures with; set TWILIO_AUTH_TOKEN (Twilio Console, Account info) or pass { authToken }',
    );
  }
  if (url !== undefined && !/^https?:\/\//i.test(url)) {
    throw new Error(
      `twilioWebhook: url must be the address that Twilio calls, such as "https://api.example.com/sms", not ${quote(url)}`,
    );
  }
  const base = publicUrl === undefined ? environment.publicUrl : asBaseUrl(publicUrl);
  if (publicUrl !== undefined && base === undefined) {
    throw new Error(
      `twilioWebhook: publicUrl must be an address such as "https://api.example.com", not ${quote(publicUrl)}`,
    );
  }
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new Error(`twilioWebhook: limit must be a number of bytes of 1 or more, not ${String(limit)}`);
  }
  return { tokens, limit, client: options.client, urls: { url, publicUrl: base, trustProxy } };
}

function handle(
  request: WebhookRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
  settings: Settings,
): void {
  const watched = noteOf(request, settings.limit);
  watched.claimed = true;
  if (request.headers[SIGNATURE_HEADER] === undefined) {
    answer(response, 403, UNSIGNED);
    return;
  }
  if (Number(request.headers['content-length']) > settings.limit) {
    refuseBody(request, response);
    return;
  }
  const body = bodyOf(request, watched);
  const go = (result: BodyResult) => decide(request, response, next, { watched, settings, body: result });
  // In a turn of its own: what a handler throws is thrown as if there had been no promise.
  if (body instanceof Promise) void body.then((result) => process.nextTick(go, result));
  else go(body);
}

interface Received {
  readonly watched: Watched;
  readonly settings: Settings;
  readonly body: BodyResult;
}

function decide(
  request: WebhookRequest,
  response: ServerResponse,
  next: () => void,
  { watched, settings, body }: Received,
): void {
  if (body === 'aborted') return;
  if (body === 'too-large' || ('bytes' in body && body.bytes.byteLength > settings.limit)) {
    refuseBody(request, response);
    return;
  }
  const { tokens, urls } = settings;
  const params = attempt('verify', () => verifiedParams(request, watched.path, body, tokens, urls));
  if (params === undefined) {
    warnForged(urls.url ?? urls.publicUrl ?? request.headers.host ?? request.headers[':authority']);
    answer(response, 403, FORGED);
    return;
  }
  if ('bytes' in body && request.body === undefined && isForm(request)) request.body = asBody(params);
  const run = () => {
    recordAtEnd(response, watched, params);
    attempt('client', () => nameClient(params, settings.client));
    next();
  };
  // Where no server of Node.js has opened one (serverless adapters), the request's scope begins here.
  if (activeRequest() === undefined) runInScope(new RequestScope(undefined), run);
  else run();
}

function recordAtEnd(response: ServerResponse, watched: Watched, params: WebhookParams): void {
  if (watched.recording) return;
  watched.recording = true;
  const scope = activeRequest();
  onceFinished(response, () => {
    const inScope = scope === undefined || activeRequest() === scope;
    recordWebhook(params, watched.at, inScope ? currentScope() : runInScope(scope, currentScope));
  });
}

function nameClient(params: WebhookParams, client: TwilioWebhookOptions['client']): void {
  if (client === undefined) return;
  const single = Object.keys(params).map((name) => [name, param(params, name)]);
  const id: unknown = client(Object.fromEntries(single.filter(([name]) => name !== '__proto__')));
  if (id !== undefined && id !== null) setClient(id as string);
}

/** What fails here is said once and goes no further. */
function attempt<T>(step: string, run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    warnOnce(`twilio-webhook:${step}`, `twilioWebhook: ${step} failed`, error);
    return undefined;
  }
}

const UNSIGNED = 'This address is for signed requests of Twilio: X-Twilio-Signature is missing.\n';
const FORGED = 'The X-Twilio-Signature is not valid for this request.\n';
const TOO_LARGE = 'The body is larger than a webhook of Twilio.\n';

function refuseBody(request: WebhookRequest, response: ServerResponse): void {
  // The rest of the body is not waited for.
  if (!request.complete && !response.headersSent) response.setHeader('connection', 'close');
  answer(response, 413, TOO_LARGE);
}

function answer(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent || response.writableEnded) return;
  response.statusCode = status;
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.end(text);
}
