import { subscribe } from 'node:diagnostics_channel';
import { propagation } from '@opentelemetry/api';
import { activeContext } from '../instrument/within.ts';
import { warnOnce } from '../log.ts';
import type { KnownHost } from './observe.ts';
import { headerText, SeenRequest, withoutClient } from './request.ts';
import { beginWatch, type HttpWatch, watchOf } from './watch.ts';

/** What undici (5 to 8) publishes of a request. Its handlers are methods that may be replaced on the one object. */
export interface UndiciRequest {
  readonly origin: unknown;
  readonly path: string;
  readonly method: string;
  /** A flat list of names and values; before undici 6 one block of text. */
  headers: unknown;
  readonly body?: unknown;
  addHeader?: (name: string, value: unknown) => unknown;
}

interface UndiciResponse {
  readonly statusCode: number;
  /** A flat list of names and values, as bytes. */
  readonly headers: unknown;
}

type Handler = ((...args: unknown[]) => unknown) | undefined;

let subscribed = false;

/** A request of undici to a host that rules are about, just made. */
export function watchUndiciRequest(request: UndiciRequest, path: string, known: KnownHost): void {
  hideClient(request);
  if (request.method === 'CONNECT') return;
  const header = (name: string) => sentHeader(request.headers, name);
  const watch = beginWatch(request, new SeenRequest(known, String(request.method), path, header), known.rules);
  if (watch === undefined) return;
  if (!subscribed) listen();
  if (watch.requestTap !== undefined) intercept(request, ['onBodySent'], (chunk) => watch.requestTap?.push(chunk));
}

/** Published for every request of the process from now on: those without a watch cost one property look-up. */
function listen(): void {
  subscribed = true;
  subscribe('undici:request:headers', (message) => {
    const { request, response } = message as { request: UndiciRequest; response: UndiciResponse };
    const watch = watchOf(request);
    if (watch !== undefined) onResponse(watch, request, response);
  });
  // The end of the body, though named after what may follow it.
  subscribe('undici:request:trailers', (message) => {
    watchOf((message as { request: UndiciRequest }).request)?.finish(undefined, true);
  });
  subscribe('undici:request:error', (message) => {
    const { request, error } = message as { request: UndiciRequest; error: unknown };
    watchOf(request)?.finish(error, false);
  });
}

function onResponse(watch: HttpWatch, request: UndiciRequest, { statusCode, headers }: UndiciResponse): void {
  try {
    watch.answered(statusCode, (name) => receivedHeader(headers, name));
    if (watch.ended || watch.tap === undefined) return;
    // As the parser hands it over, at the pace at which the application reads.
    intercept(request, ['onData', 'onResponseData'], (chunk) => watch.tap?.push(chunk));
  } catch (error) {
    warnOnce('http:response', 'an answer could not be looked at', error);
  }
}

/** Looks at what one of the request's own handlers is called with. */
function intercept(request: UndiciRequest, names: readonly string[], look: (chunk: unknown) => void): void {
  const handlers = request as unknown as Record<string, Handler>;
  const name = names.find((one) => typeof handlers[one] === 'function');
  if (name === undefined) {
    warnOnce('http:undici', `this version of undici has no ${names.join(' or ')}: bodies of its requests are not seen`);
    return;
  }
  const original = handlers[name]!;
  const value = function (this: unknown, ...args: unknown[]): unknown {
    look(args[0]);
    return original.apply(this, args);
  };
  Object.defineProperty(request, name, { value, configurable: true, writable: true });
}

/** Keeps `client.id` from the provider: what is in the headers already, and what an instrumentation adds after us. */
function hideClient(request: UndiciRequest): void {
  const { headers } = request;
  if (Array.isArray(headers)) {
    for (let i = headers.length - 2; i >= 0; i -= 2) {
      if (!isNamed(headers[i], 'baggage')) continue;
      const kept = withoutClient(headerText(headers[i + 1]) ?? '');
      if (kept === '') headers.splice(i, 2);
      else if (kept !== undefined) headers[i + 1] = kept;
    }
  } else if (typeof headers === 'string') {
    request.headers = headers.replace(/^baggage: *(.*)\r\n/gim, (line, value: string) => {
      const kept = withoutClient(value);
      return kept === undefined ? line : kept === '' ? '' : `baggage: ${kept}\r\n`;
    });
  }
  const { addHeader } = request;
  // An instrumentation that subscribed after us adds the baggage of the active context.
  if (typeof addHeader !== 'function' || propagation.getBaggage(activeContext()) === undefined) return;
  const value = function (this: unknown, name: string, said: unknown): unknown {
    let kept: string | undefined;
    try {
      if (String(name).toLowerCase() === 'baggage') kept = withoutClient(headerText(said) ?? '');
    } catch {
      // As it is.
    }
    return kept === '' ? this : addHeader.call(this, name, kept ?? said);
  };
  Object.defineProperty(request, 'addHeader', { value, configurable: true, writable: true });
}

function sentHeader(headers: unknown, name: string): string | undefined {
  if (Array.isArray(headers)) {
    for (let i = 0; i + 1 < headers.length; i += 2) {
      if (isNamed(headers[i], name)) return headerText(headers[i + 1]);
    }
    return undefined;
  }
  return typeof headers === 'string'
    ? new RegExp(`^${escaped(name)}: *(.*)$`, 'im').exec(headers)?.[1]?.trim()
    : undefined;
}

function receivedHeader(headers: unknown, name: string): string | undefined {
  if (!Array.isArray(headers)) return headerText((headers as Record<string, unknown> | null | undefined)?.[name]);
  const values: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (isNamed(headers[i], name)) values.push(headerText(headers[i + 1]) ?? '');
  }
  return values.length === 0 ? undefined : values.join(', ');
}

/** Most names differ in length already: no text is made of their bytes. */
function isNamed(said: unknown, name: string): boolean {
  return (said as string | Buffer).length === name.length && String(said).toLowerCase() === name;
}

function escaped(text: string): string {
  return text.replace(/[^a-z0-9-]/gi, '\\$&');
}
