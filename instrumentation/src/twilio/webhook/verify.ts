import type { IncomingMessage } from 'node:http';
import { fromParsedBody, NO_PARAMS, param, parseForm, parseJson, parseQuery, type WebhookParams } from './params.ts';
import { isSigned, isSignedBody } from './signature.ts';
import { type UrlOptions, urlsOf } from './urls.ts';

export const SIGNATURE_HEADER = 'x-twilio-signature';

/** The body of a webhook: its bytes, or, where another parser has taken them, what that made of them. */
export type WebhookBody = { readonly bytes: Buffer } | { readonly parsed: unknown };

/**
 * The parameters of a webhook that Twilio has signed with one of the tokens: of its body, or of its query where it has
 * none. What the signature does not cover is not read: a body that is no form has to be named by `bodySHA256`.
 *
 * @returns undefined for a request that is unsigned, forged or not wholly covered by its signature
 */
export function verifiedParams(
  request: IncomingMessage,
  path: string,
  body: WebhookBody,
  tokens: readonly string[],
  options: UrlOptions,
): WebhookParams | undefined {
  const signature = request.headers[SIGNATURE_HEADER];
  if (typeof signature !== 'string' || signature === '') return undefined;
  const urls = urlsOf(request, path, options);
  const signs = (params: WebhookParams) => isSigned({ urls, signature, params }, tokens);
  const query = parseQuery(path);
  const bodySha256 = param(query, 'bodySHA256');
  const type = mediaType(request);
  if (bodySha256 !== undefined) {
    if (!('bytes' in body) || !isSignedBody(body.bytes, bodySha256) || !signs(NO_PARAMS)) return undefined;
    const text = body.bytes.toString('utf8');
    return type === FORM ? parseForm(text) : type === JSON_TYPE ? parseJson(text) : query;
  }
  if (isEmpty(body)) return signs(NO_PARAMS) ? query : undefined;
  if (type !== FORM) return undefined;
  const params = 'bytes' in body ? parseForm(body.bytes.toString('utf8')) : fromParsedBody(body.parsed);
  return signs(params) ? params : undefined;
}

const FORM = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/json';

/** Whether body parsers would read the body as a form. */
export function isForm(request: IncomingMessage): boolean {
  return mediaType(request) === FORM;
}

function mediaType(request: IncomingMessage): string | undefined {
  return request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
}

function isEmpty(body: WebhookBody): boolean {
  if ('bytes' in body) return body.bytes.byteLength === 0;
  const { parsed } = body;
  return parsed === undefined || parsed === null || (typeof parsed === 'object' && Object.keys(parsed).length === 0);
}
