import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { warnOnce } from '../log.ts';
import type { KnownHost } from './observe.ts';
import { headerText, SeenRequest, withoutClient } from './request.ts';
import { beginWatch, type HttpWatch, watchOf } from './watch.ts';

let subscribed = false;

/** A request of node:http or node:https to a host that rules are about, just made. */
export function watchHttpRequest(request: ClientRequest, path: string, known: KnownHost): void {
  hideClient(request);
  if (request.method === 'CONNECT') return;
  const header = (name: string) => headerText(request.getHeader(name));
  const watch = beginWatch(request, new SeenRequest(known, request.method, path, header), known.rules);
  if (watch === undefined) return;
  if (!subscribed) listen();
  if (watch.requestTap !== undefined) watchSent(request, watch);
  // Whatever happened, this comes last. The channel of errors knows the reason.
  request.once('close', () => watch.finish(undefined, false));
}

function hideClient(request: ClientRequest): void {
  const baggage = headerText(request.getHeader('baggage'));
  const kept = baggage === undefined ? undefined : withoutClient(baggage);
  if (kept === undefined || request.headersSent) return;
  if (kept === '') request.removeHeader('baggage');
  else request.setHeader('baggage', kept);
}

/** Published for every request of the process from now on: those without a watch cost one property look-up. */
function listen(): void {
  subscribed = true;
  subscribe('http.client.response.finish', (message) => {
    const { request, response } = message as { request: ClientRequest; response: IncomingMessage };
    const watch = watchOf(request);
    if (watch !== undefined) guarded(() => onResponse(watch, request, response));
  });
  subscribe('http.client.request.error', (message) => {
    const { request, error } = message as { request: ClientRequest; error: unknown };
    watchOf(request)?.finish(request.destroyed && isHangUp(error, request) ? undefined : error, false);
  });
}

/** What `request.destroy()` without a reason is reported as, too: the application gave up. */
function isHangUp(error: unknown, request: ClientRequest): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  // When the server closes the connection, the socket ended before the request was destroyed.
  return (
    code === 'ECONNRESET' && request.socket?.readableEnded === false && (error as Error).message === 'socket hang up'
  );
}

function onResponse(watch: HttpWatch, request: ClientRequest, response: IncomingMessage): void {
  watch.answered(response.statusCode ?? 0, (name) => headerText(response.headers[name]));
  if (watch.ended) return;
  if (request.method === 'HEAD' || response.statusCode === 204 || response.statusCode === 304) {
    watch.finish(undefined, true);
    return;
  }
  // The parser hands the body over by calling push, at the pace at which the application reads, and null at its end.
  const { push } = response;
  const value = function (this: IncomingMessage, chunk: unknown, encoding?: BufferEncoding): boolean {
    if (chunk === null) watch.finish(undefined, response.complete && !dumped(response));
    else watch.tap?.push(chunk);
    return push.call(this, chunk, encoding);
  };
  Object.defineProperty(response, 'push', { value, configurable: true, writable: true });
}

/** Nobody listened for the response: Node.js drops its body before anybody sees it. */
function dumped(response: IncomingMessage): boolean {
  return (response as { _dumped?: unknown })._dumped === true;
}

/** What the application writes, on its way. */
function watchSent(request: ClientRequest, watch: HttpWatch): void {
  for (const name of ['write', 'end'] as const) {
    const original = request[name] as (...args: unknown[]) => unknown;
    const value = function (this: unknown, ...args: unknown[]): unknown {
      guarded(() => {
        const [chunk, encoding] = args;
        if (typeof chunk === 'string') watch.requestTap?.push(Buffer.from(chunk, encodingOf(encoding)));
        else if (typeof chunk !== 'function') watch.requestTap?.push(chunk);
      });
      return original.apply(this, args);
    };
    Object.defineProperty(request, name, { value, configurable: true, writable: true });
  }
}

function encodingOf(value: unknown): BufferEncoding {
  return typeof value === 'string' && Buffer.isEncoding(value) ? value : 'utf8';
}

function guarded(run: () => void): void {
  try {
    run();
  } catch (error) {
    warnOnce('http:response', 'an answer could not be looked at', error);
  }
}
