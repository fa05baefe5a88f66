import type { IncomingMessage } from 'node:http';
import type { WebhookBody } from './verify.ts';
import { BodyWatch, type Watched, watchedOf, watchRequest } from './watch.ts';

/** A request as frameworks hand it on. */
export interface WebhookRequest extends IncomingMessage {
  body?: unknown;
  /** Where the platform keeps the bytes (Firebase, Google Cloud Functions). */
  rawBody?: unknown;
  originalUrl?: string;
}

export type BodyResult = WebhookBody | 'too-large' | 'aborted';

/** The note of a request, made where the server has not made one. */
export function noteOf(request: WebhookRequest, limit: number): Watched {
  const known = watchedOf(request);
  if (known !== undefined) return known;
  const path = request.originalUrl ?? request.url ?? '/';
  if (isTaken(request)) {
    const taken = new BodyWatch(request, 0);
    return watchRequest(request, path, taken);
  }
  // What has arrived is looked at and put back.
  const head: unknown = request.read();
  const bytes = typeof head === 'string' || head instanceof Uint8Array ? head : undefined;
  if (bytes !== undefined) request.unshift(bytes, request.readableEncoding ?? undefined);
  const body = new BodyWatch(request, limit, bytes);
  if (request.complete && (bytes !== undefined || !hasBody(request))) body.complete();
  return watchRequest(request, path, body);
}

/**
 * The body of a request, without taking it from the stream: from what has been seen of it, else from whoever has read it.
 *
 * @returns what is known at once, or a promise of it where the body is still on its way
 */
export function bodyOf(request: WebhookRequest, watched: Watched): BodyResult | Promise<BodyResult> {
  const { body } = watched;
  const result = () => resultOf(request, watched);
  if (body.state !== 'open' || isTaken(request)) return result();
  body.held = true;
  if (request.readableLength > 0 && request.readableLength >= request.readableHighWaterMark) wake(request);
  return body.whenDone().then(result);
}

function resultOf(request: WebhookRequest, { body }: Watched): BodyResult {
  const { bytes } = body;
  if (bytes !== undefined) return isPlain(request) || request.body === undefined ? { bytes } : { parsed: request.body };
  if (body.state === 'too-large') return 'too-large';
  if (!isTaken(request)) return 'aborted';
  for (const raw of [request.rawBody, request.body]) {
    if (typeof raw === 'string') return { bytes: Buffer.from(raw) };
    if (raw instanceof Uint8Array) return { bytes: Buffer.from(raw) };
  }
  return { parsed: request.body };
}

/** Somebody has read the stream to its end before anybody watched it. */
function isTaken(request: WebhookRequest): boolean {
  return request.readableEnded || (request.complete && !request.readable) || request.rawBody !== undefined;
}

function hasBody({ headers }: WebhookRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0;
}

function isPlain(request: WebhookRequest): boolean {
  return (request.headers['content-encoding'] ?? 'identity').toLowerCase() === 'identity';
}

/** The stream is full and its connection waits: taking out and putting back lets it go on. */
function wake(request: WebhookRequest): void {
  const held: unknown = request.read();
  if (typeof held === 'string' || held instanceof Uint8Array) {
    request.unshift(held, request.readableEncoding ?? undefined);
  }
}
