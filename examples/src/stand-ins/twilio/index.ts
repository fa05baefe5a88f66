import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { callParams, newCall, runCall } from './calls.ts';
import { inboundMessage } from './messages.ts';
import { answerTo } from './routes.ts';
import { State } from './state.ts';
import type {
  InboundCall,
  InboundSms,
  Params,
  Resource,
  SentCallback,
  TwilioExchange,
  TwilioRequest,
  TwilioStandInOptions,
} from './types.ts';
import { send, sendFailure, TwilioError } from './wire.ts';

export type * from './types.ts';
export { signatureOf } from './wire.ts';

export interface TwilioStandIn {
  /** For `client.api.baseUrl`. */
  readonly url: string;
  readonly port: number;
  readonly accountSid: string;
  readonly authToken: string;
  /** Every exchange in order of its answer, unless `record` is false. */
  readonly requests: TwilioExchange[];
  /** How many requests came. */
  readonly count: number;
  /** Callbacks and webhooks that were sent. */
  readonly callbacks: readonly SentCallback[];
  /** What the account holds, as it is on the wire: may be changed, or added to (history). */
  readonly messages: Map<string, Resource>;
  readonly calls: Map<string, Resource>;
  readonly recordings: Map<string, Resource>;
  readonly numbers: Map<string, Resource>;
  /** A message comes in: the application's webhook is called. */
  receiveSms(sms: InboundSms): Promise<SentCallback>;
  /** A call comes in: the application's webhook is called, and `statusCallback` when the call has ended. */
  receiveCall(call: InboundCall): Promise<SentCallback>;
  /** Any signed request to the application: a callback that comes twice, late, or with other parameters. */
  post(url: string, params: Params, method?: string): Promise<SentCallback>;
  /** Does at once all that is to happen later (statuses, callbacks, prices). */
  advance(): Promise<void>;
  /** Waits until nothing more is to happen. */
  idle(): Promise<void>;
  /** Ends all connections at once. */
  close(): Promise<void>;
}

/**
 * A local HTTP server that behaves like Twilio's API of 2010-04-01 on the wire: messages, calls, recordings, phone numbers, usage
 * records; statuses and prices that come later; callbacks with real signatures.
 */
export async function createTwilioStandIn(options: TwilioStandInOptions = {}): Promise<TwilioStandIn> {
  const state = new State(options);
  const requests: TwilioExchange[] = [];
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((incoming, outgoing) => {
    const index = count++;
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.on('error', () => outgoing.destroy());
    incoming.on('end', () => {
      const request = read(incoming, Buffer.concat(parts).toString(), index);
      const done = (status: number, sid?: unknown) => {
        if (options.record !== false) {
          requests.push({ ...request, status, sid: typeof sid === 'string' ? sid : undefined });
        }
      };
      answer(state, request, outgoing, done).catch((error: unknown) => {
        done(500);
        if (!outgoing.destroyed) send(outgoing, 500, { code: 20500, message: `stand-in: ${error}`, status: 500 });
      });
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
    accountSid: state.accountSid,
    authToken: state.authToken,
    requests,
    get count() {
      return count;
    },
    callbacks: state.callbacks.sent,
    messages: state.messages,
    calls: state.calls,
    recordings: state.recordings,
    numbers: state.numbers,
    receiveSms: (sms) => receiveSms(state, sms),
    receiveCall: (call) => receiveCall(state, call),
    post: (url, params, method) => state.callbacks.send(url, params, method),
    advance: () => state.advance(),
    idle: () => state.idle(),
    async close() {
      state.close();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const PREFIX = /^\/2010-04-01\/Accounts\/([^/]+?)(\/.*)$/;

function read(incoming: IncomingMessage, text: string, index: number): TwilioRequest {
  const url = new URL(incoming.url ?? '/', 'http://stand-in');
  const match = PREFIX.exec(url.pathname);
  const { method = 'GET', headers } = incoming;
  const form = new URLSearchParams(text);
  return {
    method,
    path: match?.[2] ?? url.pathname,
    accountSid: match?.[1] ?? '',
    query: url.searchParams,
    form,
    headers,
    index,
  };
}

async function answer(
  state: State,
  request: TwilioRequest,
  outgoing: ServerResponse,
  done: (status: number, sid?: unknown) => void,
): Promise<void> {
  const { options } = state;
  if ((options.latencyMs ?? 0) > 0) await sleep(options.latencyMs);
  const failure = options.failures?.(request);
  if (failure && !('accepted' in failure && failure.accepted)) {
    if ('hang' in failure) return done(0);
    if ('reset' in failure) {
      done(0);
      outgoing.socket?.resetAndDestroy();
      return;
    }
    const { status } = failure as { status: number };
    done(status);
    return sendFailure(outgoing, { ...failure, status });
  }
  try {
    authenticate(state, request);
    const { status, body } = answerTo(state, request);
    const sid = (body as { sid?: unknown } | undefined)?.sid;
    if (failure === undefined) {
      done(status, sid);
      return send(outgoing, status, body);
    }
    if ('hang' in failure) return done(0, sid);
    if ('reset' in failure) {
      done(0, sid);
      outgoing.socket?.resetAndDestroy();
      return;
    }
    await sleep(failure.delayMs ?? 0);
    const code = failure.status ?? status;
    done(code, sid);
    if (failure.body !== undefined) sendFailure(outgoing, { status: code, body: failure.body });
    else send(outgoing, code, body);
  } catch (error) {
    if (!(error instanceof TwilioError)) throw error;
    done(error.status);
    send(outgoing, error.status, error.body);
  }
}

/** @throws TwilioError 401 where user name and password are not of the account, its parent, or a key of it */
function authenticate(state: State, request: TwilioRequest): void {
  const header = String(request.headers.authorization ?? '');
  const [user = '', ...rest] = Buffer.from(header.replace(/^Basic /, ''), 'base64')
    .toString()
    .split(':');
  const password = rest.join(':');
  const known = state.tokenOf(user) ?? state.options.apiKeys?.[user];
  const exists = state.tokenOf(request.accountSid) !== undefined;
  const parent = user === state.accountSid || state.options.apiKeys?.[user] !== undefined;
  if (
    !header.startsWith('Basic ') ||
    known === undefined ||
    known !== password ||
    !(parent || user === request.accountSid)
  ) {
    throw new TwilioError(401, 20003);
  }
  if (!exists) throw new TwilioError(404, 20404, `The requested resource ${request.path} was not found`);
}

async function receiveSms(state: State, sms: InboundSms): Promise<SentCallback> {
  const media = sms.mediaUrls ?? [];
  const message = inboundMessage(state, sms.to, sms.from, sms.body ?? '', media);
  message.messaging_service_sid = sms.params?.MessagingServiceSid ?? null;
  const params: Params = {
    ToCountry: 'US',
    FromCountry: 'US',
    SmsMessageSid: message.sid,
    SmsSid: message.sid,
    MessageSid: message.sid,
    SmsStatus: 'received',
    AccountSid: state.accountSid,
    ApiVersion: '2010-04-01',
    Body: sms.body ?? '',
    To: sms.to,
    From: sms.from,
    NumSegments: String(message.num_segments),
    NumMedia: String(media.length),
    ...Object.fromEntries(
      media.flatMap((url, i) => [
        [`MediaUrl${i}`, url],
        [`MediaContentType${i}`, 'image/jpeg'],
      ]),
    ),
    ...sms.params,
  };
  return state.callbacks.send(sms.url, params);
}

async function receiveCall(state: State, inbound: InboundCall): Promise<SentCallback> {
  const call = newCall(state.accountSid, inbound.to, inbound.from, 'inbound');
  state.calls.set(call.sid, call);
  const { CallbackSource: _, SequenceNumber: __, Timestamp: ___, ...params } = callParams(call, 0, false);
  const sent = await state.callbacks.send(inbound.url, { ...params, ...inbound.params });
  const told = { url: inbound.statusCallback, method: 'POST', events: ['completed'] };
  runCall(state, call, inbound.outcome ?? {}, told);
  return sent;
}
