import type { IncomingMessage } from 'node:http';

/** How the address is found that Twilio called. */
export interface UrlOptions {
  /** The whole address, as it is configured at Twilio. */
  readonly url?: string | undefined;
  /** Scheme, host and, where a proxy takes one away, the beginning of the path. */
  readonly publicUrl?: string | undefined;
  /** Believe X-Forwarded-Proto and X-Forwarded-Host. */
  readonly trustProxy: boolean;
}

/**
 * The addresses under which Twilio may have called, most likely first. Without a configured one, that is what the Host
 * header names, with both schemes: TLS often ends in front of the service. A wrong guess lets nobody in, since Twilio has
 * signed the address together with everything else.
 *
 * @param path of the request with its query, as the server received it (before a router shortened it)
 */
export function urlsOf(request: IncomingMessage, path: string, options: UrlOptions): string[] {
  const target = path.startsWith('/') ? path : path.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '') || '/';
  if (options.url !== undefined) return [withQueryOf(options.url, target)];
  if (options.publicUrl !== undefined) return [options.publicUrl + target];
  const { headers } = request;
  const forwardedHost = options.trustProxy ? firstOf(headers['x-forwarded-host']) : undefined;
  // HTTP/2 has no Host header.
  const host = forwardedHost ?? headers.host ?? firstOf(headers[':authority']);
  if (host === undefined || !/^[^\s/?#@\\]+$/.test(host)) return [];
  const forwardedProto = options.trustProxy ? firstOf(headers['x-forwarded-proto'])?.toLowerCase() : undefined;
  if (forwardedProto === 'http' || forwardedProto === 'https') return [`${forwardedProto}://${host}${target}`];
  const encrypted = (request.socket as { encrypted?: boolean } | undefined)?.encrypted === true;
  const schemes = encrypted ? ['https'] : ['https', 'http'];
  return schemes.map((scheme) => `${scheme}://${host}${target}`);
}

/** Twilio adds `bodySHA256` to what is configured. */
function withQueryOf(url: string, target: string): string {
  const query = target.indexOf('?');
  return query < 0 || url.includes('?') ? url : url + target.slice(query);
}

function firstOf(header: string | string[] | undefined): string | undefined {
  const text = Array.isArray(header) ? header[0] : header;
  const first = text?.split(',', 1)[0]?.trim();
  return first === '' ? undefined : first;
}
