import { createHmac, randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Params, TwilioFailure } from './types.ts';

/** `SM` and 32 hexadecimal digits. */
export function newSid(prefix: string): string {
  return prefix + randomBytes(16).toString('hex');
}

/** `Thu, 24 Aug 2023 05:01:45 +0000` */
export function rfc2822(date: Date): string {
  return date.toUTCString().replace('GMT', '+0000');
}

/** The value of `X-Twilio-Signature`: base64 of HMAC-SHA1 over the URL and the sorted parameters. */
export function signatureOf(authToken: string, url: string, params: Params): string {
  const names = Object.keys(params).sort();
  const data = names.reduce((text, name) => text + name + params[name], url);
  return createHmac('sha1', authToken).update(data, 'utf8').digest('base64');
}

export function send(outgoing: ServerResponse, status: number, body: unknown): void {
  if (outgoing.destroyed) return;
  const text = body === undefined ? '' : JSON.stringify(body);
  outgoing.writeHead(status, {
    ...(body === undefined ? undefined : { 'content-type': 'application/json' }),
    'content-length': Buffer.byteLength(text),
    'twilio-request-id': newSid('RQ'),
    'twilio-concurrent-requests': '1',
  });
  outgoing.end(text);
}

const MESSAGES: Readonly<Record<number, string>> = {
  20003: 'Authenticate',
  20404: 'The requested resource was not found',
  20429: 'Too Many Requests',
  20500: 'Internal Server Error',
  20503: 'Service Unavailable',
};

/** Twilio's body of an error: code, message, more_info, status. */
export class TwilioError extends Error {
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, message?: string) {
    super(message ?? MESSAGES[code] ?? 'Bad Request');
    this.status = status;
    this.code = code;
  }

  get body(): object {
    const { code, message, status } = this;
    return { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status };
  }
}

export function sendFailure(outgoing: ServerResponse, failure: Extract<TwilioFailure, { status: number }>): void {
  if (failure.retryAfter !== undefined) outgoing.setHeader('retry-after', failure.retryAfter);
  if (failure.body !== undefined) {
    outgoing.writeHead(failure.status, { 'content-type': 'text/html' });
    outgoing.end(failure.body);
    return;
  }
  const known: Record<number, number> = { 401: 20003, 404: 20404, 429: 20429, 500: 20500, 503: 20503 };
  const error = new TwilioError(failure.status, failure.code ?? known[failure.status] ?? 20001, failure.message);
  send(outgoing, failure.status, error.body);
}

/** One page of a list, with the fields that the packages page by. */
export function page(path: string, query: URLSearchParams, key: string, items: readonly unknown[]): object {
  const size = Math.min(Math.max(Number(query.get('PageSize')) || 50, 1), 1000);
  const number = Math.max(Number(query.get('Page')) || 0, 0);
  const from = number * size;
  const uri = (of: number): string => {
    const params = new URLSearchParams(query);
    params.set('PageSize', String(size));
    params.set('Page', String(of));
    if (of > 0) params.set('PageToken', `PA${of}`);
    else params.delete('PageToken');
    return `${path}?${params}`;
  };
  const shown = items.slice(from, from + size);
  return {
    first_page_uri: uri(0),
    end: from + Math.max(shown.length - 1, 0),
    previous_page_uri: number > 0 ? uri(number - 1) : null,
    [key]: shown,
    uri: uri(number),
    page_size: size,
    start: from,
    next_page_uri: from + size < items.length ? uri(number + 1) : null,
    page: number,
  };
}

/** Filters of a list by day or time: `DateSent`, `DateSent>`, `DateSent<` (both included). */
export function inDates(query: URLSearchParams, name: string, value: unknown): boolean {
  const at = Date.parse(String(value));
  const [on, after, before] = [query.get(name), query.get(`${name}>`), query.get(`${name}<`)];
  if (on === null && after === null && before === null) return true;
  if (Number.isNaN(at)) return false;
  const start = (text: string) => Date.parse(text.length === 10 ? `${text}T00:00:00Z` : text);
  const end = (text: string) => (text.length === 10 ? start(text) + 86_399_999 : start(text));
  if (on !== null && (at < start(on) || at > end(on))) return false;
  return (after === null || at >= start(after)) && (before === null || at <= end(before));
}
