import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { perform } from './answer.ts';
import { authorize } from './auth.ts';
import { decodeBody } from './body.ts';
import { operationName } from './operations.ts';
import { etagOf, R2Store } from './store.ts';
import {
  type R2Answer,
  R2Error,
  type R2Exchange,
  type R2Failure,
  type R2Request,
  type R2StandIn,
  type R2StandInOptions,
} from './types.ts';
import { xml } from './xml.ts';

export type { R2Exchange, R2Failure, R2Request, R2StandIn, R2StandInOptions } from './types.ts';

/**
 * A local HTTP server that behaves like Cloudflare R2's S3 API on the wire: buckets, objects (ranges, conditions, checksums, storage
 * classes), lists page by page, multipart uploads, signatures, and errors as XML. Path style.
 */
export async function createR2StandIn(options: R2StandInOptions = {}): Promise<R2StandIn> {
  const store = new R2Store();
  const now = options.now ?? (() => new Date());
  for (const name of options.buckets ?? []) store.create(name, now());
  const requests: R2Exchange[] = [];
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((incoming, outgoing) => {
    count += 1;
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.on('error', () => outgoing.destroy());
    incoming.on('end', () => {
      const ray = `${randomBytes(8).toString('hex')}-SIN`;
      const done = (request: R2Request, status: number, code?: string) => {
        if (options.record !== false) requests.push({ ...request, status, code, ray });
      };
      outgoing.setHeader('cf-ray', ray);
      respond(store, incoming, Buffer.concat(parts), outgoing, options, done).catch((error: unknown) => {
        if (outgoing.headersSent || outgoing.destroyed) outgoing.destroy();
        else send(outgoing, 'GET', failure(new R2Error(500, 'InternalError', `stand-in: ${error}`)));
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
    requests,
    get count() {
      return count;
    },
    store(bucket, key, content, storageClass = 'STANDARD') {
      if (!store.buckets.has(bucket)) store.create(bucket, now());
      const bytes = typeof content === 'number' ? undefined : Buffer.from(content as string);
      store.put(store.bucket(bucket), {
        key,
        size: bytes?.length ?? (content as number),
        ...(bytes ? { content: bytes } : {}),
        etag: etagOf(bytes ?? Buffer.from(`${key} ${content}`)),
        modified: now(),
        storageClass,
        headers: {},
        checksums: {},
      });
    },
    remove(bucket, key) {
      store.delete(store.bucket(bucket), key);
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

type Done = (request: R2Request, status: number, code?: string) => void;

async function respond(
  store: R2Store,
  incoming: IncomingMessage,
  raw: Buffer,
  outgoing: ServerResponse,
  options: R2StandInOptions,
  done: Done,
): Promise<void> {
  const { request, given } = read(incoming, raw);
  if (options.latencyMs) await sleep(options.latencyMs);
  const failing = active(options.failures?.(request), request);
  if (failing && 'hang' in failing) return done(request, 0);
  if (failing && 'reset' in failing) {
    done(request, 0);
    outgoing.socket?.resetAndDestroy();
    return;
  }
  let answer: R2Answer;
  try {
    if (failing)
      throw new R2Error(failing.status, failing.code, failing.message ?? MESSAGES[failing.code] ?? failing.code);
    authorize(request, options);
    answer = perform(store, request, given, options.now?.() ?? new Date(), options.maxKeys);
  } catch (error) {
    if (!(error instanceof R2Error)) throw error;
    answer = failure(error);
  }
  if (failing?.retryAfterSeconds !== undefined) outgoing.setHeader('retry-after', failing.retryAfterSeconds);
  done(request, answer.status, answer.code);
  send(outgoing, request.method, answer);
}

const MESSAGES: Readonly<Record<string, string>> = {
  SlowDown: 'Reduce your request rate.',
  InternalError: 'We encountered an internal error. Please try again.',
  ServiceUnavailable: 'Service is temporarily unavailable.',
  TooManyRequests: 'Reduce your concurrent request rate for the same object.',
};

function read(incoming: IncomingMessage, raw: Buffer): { request: R2Request; given: Record<string, unknown> } {
  const { headers, method = 'GET' } = incoming;
  const [path = '/', rawQuery = ''] = (incoming.url ?? '/').split('?', 2);
  const query = new URLSearchParams(rawQuery.replaceAll('+', '%2B'));
  const [, bucket = '', key = ''] = /^\/([^/]*)\/?(.*)$/s.exec(path) ?? [];
  const { body, trailers } = decodeBody(headers, raw);
  const names = { bucket: decodeURIComponent(bucket), key: decodeURIComponent(key) };
  const operation = operationName(method, query, headers, names.bucket, names.key);
  const attempt = Number(/attempt=(\d+)/.exec(String(headers['amz-sdk-request'] ?? ''))?.[1] ?? 1);
  return {
    request: { method, path, query, rawQuery, headers, body, operation, attempt, ...names },
    given: { ...headers, ...trailers },
  };
}

function active(failing: R2Failure | undefined, request: R2Request): R2Failure | undefined {
  return failing?.times !== undefined && request.attempt > failing.times ? undefined : failing;
}

function failure(error: R2Error): R2Answer {
  const body = xml('Error', { Code: error.code, Message: error.message }, false);
  return { status: error.status, code: error.code, body };
}

function send(outgoing: ServerResponse, method: string, answer: R2Answer): void {
  const body = Buffer.from(answer.body ?? '');
  const type = typeof answer.body === 'string' ? { 'content-type': 'application/xml' } : {};
  const length = answer.status === 204 || answer.status === 304 ? {} : { 'content-length': String(body.length) };
  outgoing.writeHead(answer.status, { server: 'cloudflare', ...length, ...type, ...answer.headers });
  outgoing.end(method === 'HEAD' ? undefined : body);
}
