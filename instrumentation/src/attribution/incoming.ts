import * as http from 'node:http';
import * as https from 'node:https';
import { type Context, propagation, trace } from '@opentelemetry/api';
import type { Config } from '../config.ts';
import { activeContext } from '../instrument/within.ts';
import { warnOnce } from '../log.ts';
import { clientOfBaggage, clientsInBaggage } from './baggage.ts';
import { normalizeClientId } from './client-id.ts';
import { BAGGAGE_MEMBER } from './index.ts';
import { isPrivateAddress } from './own-hosts.ts';
import { activeRequest, RequestScope, runInScope } from './scope.ts';

export interface IncomingOptions {
  readonly config: Pick<Config, 'clientHeader' | 'trustBaggage'>;
  /** Called before each request is handled; must be cheap and must not throw. */
  readonly onRequest?: () => void;
  /** Whether the caller's W3C trace context is to be taken up: nobody else does. */
  readonly extractTrace?: () => boolean;
  /** Sees the requests that have a header, before they are handled. */
  readonly webhook?: RequestObserver;
}

/** Somebody who looks at some incoming requests and changes none. */
export interface RequestObserver {
  /** Lower case: requests without it cost nothing. */
  readonly header: string;
  /** May throw. */
  readonly observe: (request: http.IncomingMessage, response: http.ServerResponse) => void;
}

const EVENTS = new Set(['request', 'checkContinue', 'checkExpectation', 'upgrade']);
const PATCHED = Symbol.for('client-cost incoming requests');

let options: IncomingOptions | undefined;

/**
 * Makes the handler of every incoming HTTP/1 request run in a scope of its own, with the client that the request
 * names. Patches `http.Server` and `https.Server` once in the process; calling again replaces the options.
 */
export function attributeIncoming(next: IncomingOptions): void {
  options = next;
  for (const prototype of [http.Server.prototype, https.Server.prototype] as unknown as Emitter[]) {
    if (Object.hasOwn(prototype, PATCHED)) continue;
    Object.defineProperty(prototype, PATCHED, { value: true });
    const original = prototype.emit;
    prototype.emit = function emit(this: unknown, event: unknown, ...args: unknown[]): boolean {
      const entry = openRequest(event, args);
      if (entry === undefined) return original.call(this, event, ...args);
      return runInScope(entry.scope, () => original.call(this, event, ...args), entry.parent);
    };
  }
}

function observe(request: http.IncomingMessage, response: http.ServerResponse): void {
  const observer = options?.webhook;
  if (observer === undefined || request.headers[observer.header] === undefined) return;
  try {
    observer.observe(request, response);
  } catch (error) {
    warnOnce('incoming:webhook', 'an incoming webhook could not be looked at; it is handled all the same', error);
  }
}

/**
 * Node.js emits what happens to a message later (`data`, `end`, `close`, `drain`) in the execution of the connection.
 * Listeners run in the scope of the message instead, unless they are called from within it already.
 */
function bindEvents(target: unknown, { scope, parent }: Entry): void {
  const { emit } = (target ?? {}) as Partial<Emitter>;
  if (typeof emit !== 'function') return;
  const bound = function (this: unknown, event: unknown, ...args: unknown[]): boolean {
    if (activeRequest() === scope) return emit.call(this, event, ...args);
    return runInScope(scope, () => emit.call(this, event, ...args), parent);
  };
  Object.defineProperty(target, 'emit', { value: bound, writable: true, configurable: true, enumerable: false });
}

interface Emitter {
  emit(this: unknown, event: unknown, ...args: unknown[]): boolean;
}

interface Entry {
  readonly scope: RequestScope;
  readonly parent: Context;
}

/** The scope and parent context of a request; undefined for other events, and when anything goes wrong: the request must go on. */
function openRequest(event: unknown, [request, response]: readonly unknown[]): Entry | undefined {
  try {
    if (!EVENTS.has(event as string)) return undefined;
    options?.onRequest?.();
    const message = request as http.IncomingMessage;
    const entry = { scope: scopeOfRequest(message), parent: parentOfRequest(message) };
    bindEvents(request, entry);
    bindEvents(response, entry);
    if (event !== 'upgrade') observe(message, response as http.ServerResponse);
    return entry;
  } catch (error) {
    warnOnce('incoming', 'the client of an incoming request could not be read', error);
    return undefined;
  }
}

function parentOfRequest(message: http.IncomingMessage): Context {
  const active = activeContext();
  if (options?.extractTrace?.() !== true || trace.getSpan(active) !== undefined) return active;
  return believed(propagation.extract(active, message.headers), active, message);
}

/** The extracted context, without the client that a peer who is not believed put in its baggage. */
function believed(extracted: Context, before: Context, message: http.IncomingMessage): Context {
  const baggage = propagation.getBaggage(extracted);
  if (baggage?.getEntry(BAGGAGE_MEMBER) === undefined || baggage === propagation.getBaggage(before)) return extracted;
  return isTrusted(message) ? extracted : propagation.setBaggage(extracted, baggage.removeEntry(BAGGAGE_MEMBER));
}

/** @internal The client that an incoming request names: the configured header, else baggage of a believed peer. */
export function scopeOfRequest(message: http.IncomingMessage): RequestScope {
  const { headers } = message;
  const name = options?.config.clientHeader;
  const named = name === undefined ? undefined : headerText(headers[name]);
  const baggage = headerText(headers.baggage);
  const trusted = baggage !== undefined && isTrusted(message);
  const said = named !== undefined ? decodeHeader(named) : trusted ? clientOfBaggage(baggage) : undefined;
  const clientId = said === undefined || said === '' ? undefined : normalizeClientId(said, 'incoming request');
  return new RequestScope(clientId, baggage === undefined || trusted ? undefined : clientsInBaggage(baggage));
}

function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}

/** Node.js hands header bytes out as Latin-1; what is UTF-8 underneath is read as UTF-8. */
function decodeHeader(value: string): string {
  if (!/[\u0080-\u00ff]/.test(value)) return value;
  const text = Buffer.from(value, 'latin1').toString('utf8');
  return text.includes('\ufffd') ? value : text;
}

/**
 * Whether the peer's baggage is believed. A proxy on a private address forwards what strangers send, so every address
 * that X-Forwarded-For, Forwarded or X-Real-IP names must be private too.
 */
function isTrusted(message: http.IncomingMessage): boolean {
  const trust = options?.config.trustBaggage ?? 'own';
  if (trust !== 'own') return trust === 'always';
  const peer = message.socket?.remoteAddress;
  // A Unix socket has no address; whoever can open it is on this machine.
  const fromSocket = peer === undefined && message.socket?.remoteFamily === undefined && !message.socket?.destroyed;
  if (!fromSocket && !isPrivateAddress(peer)) return false;
  return forwardedFor(message.headers).every(isPrivateAddress);
}

function forwardedFor(headers: http.IncomingHttpHeaders): string[] {
  const lists = [headerText(headers['x-forwarded-for']), headerText(headers['x-real-ip'])];
  const addresses = lists.flatMap((list) => (list === undefined ? [] : list.split(',')));
  for (const [, quoted, plain] of (headers.forwarded ?? '').matchAll(/for=(?:"([^"]*)"|([^;,\s]*))/gi)) {
    addresses.push(quoted ?? plain ?? '');
  }
  return addresses.map((address) => withoutPort(address.trim()));
}

function withoutPort(address: string): string {
  if (address.startsWith('[')) return address.slice(1).replace(/\].*$/, '');
  return /^[\d.]+:\d+$/.test(address) ? address.replace(/:\d+$/, '') : address;
}
