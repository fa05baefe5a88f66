import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { parse, stringify } from 'node:querystring';
import type { WebhookParams } from './params.ts';

/** What Twilio signed, as far as the request shows it. */
export interface SignedRequest {
  /** The addresses under which Twilio may have called, most likely first; with query string. */
  readonly urls: readonly string[];
  /** Of `X-Twilio-Signature`. */
  readonly signature: string;
  /** The parameters of a form body; empty for every other body. */
  readonly params: WebhookParams;
}

interface UrlParts {
  readonly scheme: string;
  readonly userInfo: string;
  readonly host: string;
  readonly port: string;
  readonly rest: string;
}

/**
 * Whether one of the tokens signed the request: base64 of HMAC-SHA1 over the URL followed by name and value of every
 * parameter in the order of their names (https://www.twilio.com/docs/usage/webhooks/webhooks-security). Compared in
 * constant time, with the same readings of a URL as twilio's own `validateRequest`: with and without the standard
 * port, as it came and as `new URL` writes it.
 */
export function isSigned(request: SignedRequest, tokens: readonly string[]): boolean {
  const given = Buffer.from(request.signature);
  const suffix = signedParams(request.params);
  const tried = new Set<string>();
  for (const url of request.urls) {
    for (const candidate of readingsOf(url)) {
      if (tried.has(candidate)) continue;
      tried.add(candidate);
      if (tokens.some((token) => safeEqual(given, Buffer.from(sign(token, candidate + suffix))))) return true;
    }
  }
  return false;
}

/** The signature that Twilio puts on a request to `url`. */
export function expectedSignature(token: string, url: string, params: WebhookParams): string {
  return sign(token, url + signedParams(params));
}

/** Whether a body is the one that the signed query parameter `bodySHA256` names. */
export function isSignedBody(body: Uint8Array, bodySha256: string): boolean {
  return safeEqual(Buffer.from(bodySha256), Buffer.from(createHash('sha256').update(body).digest('hex')));
}

const sign = (token: string, data: string): string => createHmac('sha1', token).update(data, 'utf8').digest('base64');

function safeEqual(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Names in the order of UTF-16 units; a repeated name once per distinct value, in the order of the values. */
function signedParams(params: WebhookParams): string {
  let result = '';
  for (const name of Object.keys(params).sort()) {
    const value = params[name];
    if (typeof value === 'string') result += name + value;
    else for (const each of [...new Set(value)].sort()) result += name + each;
  }
  return result;
}

/** Lazily, the first being the one that nearly always fits. */
function* readingsOf(url: string): Generator<string> {
  yield withoutPort(url);
  yield withPort(url);
  const normalized = URL.canParse(url) ? new URL(url).toString() : undefined;
  if (normalized === undefined) return;
  const bare = withoutPort(normalized);
  const full = withPort(normalized);
  yield bare;
  yield full;
  yield withLegacyQuery(bare);
  yield withLegacyQuery(full);
}

/** Takes a URL apart without changing a character of path and query: `new URL` would escape some of them. */
function splitUrl(url: string): UrlParts | undefined {
  const match = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*)/i.exec(url);
  if (match === null) return undefined;
  const [prefix, scheme = '', authority = ''] = match;
  const userInfoEnd = authority.lastIndexOf('@') + 1;
  const hostAndPort = authority.slice(userInfoEnd);
  // A colon begins the port only behind the bracket of an IPv6 address.
  const portStart = hostAndPort.indexOf(':', hostAndPort.lastIndexOf(']') + 1);
  return {
    scheme,
    userInfo: authority.slice(0, userInfoEnd),
    host: portStart < 0 ? hostAndPort : hostAndPort.slice(0, portStart),
    port: portStart < 0 ? '' : hostAndPort.slice(portStart),
    rest: url.slice(prefix.length),
  };
}

function withoutPort(url: string): string {
  const parts = splitUrl(url);
  return parts === undefined ? url : parts.scheme + parts.userInfo + parts.host + parts.rest;
}

function withPort(url: string): string {
  const parts = splitUrl(url);
  if (parts === undefined || parts.port !== '') return url;
  const port = parts.scheme.toLowerCase() === 'https://' ? ':443' : ':80';
  return parts.scheme + parts.userInfo + parts.host + port + parts.rest;
}

/** For what signed an escaped form of a query value (`%27` for `'`). */
function withLegacyQuery(url: string): string {
  const start = url.indexOf('?');
  if (start < 0 || start === url.length - 1) return url;
  return `${url.slice(0, start)}?${stringify(parse(url.slice(start + 1)))}`;
}
