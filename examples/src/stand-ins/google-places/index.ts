import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { answerLegacy, image } from './legacy.ts';
import { answerModern } from './modern.ts';
import {
  type Answer,
  ApiError,
  errorOf,
  type PlacesStandInExchange,
  type PlacesStandInOptions,
  type PlacesStandInRequest,
} from './types.ts';

export type { PlacesStandInExchange, PlacesStandInOptions, PlacesStandInRequest } from './types.ts';

export interface GooglePlacesStandIn {
  /** Base URL of both APIs: `${url}/maps/api/place/details/json`, `${url}/v1/places:searchText`. */
  readonly url: string;
  readonly port: number;
  /** Every exchange in order of its answer, unless `record` is false. */
  readonly requests: PlacesStandInExchange[];
  /** How many requests came, pictures that a redirect led to not counted. */
  readonly count: number;
  /** Ends all connections at once. */
  close(): Promise<void>;
}

/**
 * A local HTTP server that behaves like Google's Places API, the legacy one (maps.googleapis.com, status in the body) and the
 * new one (places.googleapis.com, field masks, google.rpc.Status errors). gRPC: `createGooglePlacesGrpcStandIn`.
 */
export async function createGooglePlacesStandIn(options: PlacesStandInOptions = {}): Promise<GooglePlacesStandIn> {
  const requests: PlacesStandInExchange[] = [];
  const sockets = new Set<Socket>();
  let count = 0;
  const host = options.host ?? '127.0.0.1';
  const server = createServer((incoming, outgoing) => {
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.on('error', () => outgoing.destroy());
    incoming.on('end', async () => {
      const request = read(incoming, parts);
      const picture = request.path.startsWith('/p/');
      if (!picture) count += 1;
      if (options.latencyMs) await sleep(options.latencyMs);
      const answer = picture ? image() : answerOf(request, options, `http://${incoming.headers.host}`);
      if (!picture && options.record !== false) requests.push({ ...request, status: answer.status });
      send(outgoing, answer, /\bgzip\b/.test(String(incoming.headers['accept-encoding'])));
    });
  });
  server.keepAliveTimeout = 60_000;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
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
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function answerOf(request: PlacesStandInRequest, options: PlacesStandInOptions, origin: string): Answer {
  const legacy = request.path.startsWith('/maps/api/');
  const failure = options.failures?.(request);
  try {
    if (failure !== undefined) throw errorOf(failure);
    const key = request.headers['x-goog-api-key'] ?? request.query.get('key');
    const authorized = request.headers.authorization !== undefined;
    const problem = !key && !authorized ? 'missing' : key && !keyFits(String(key), options) ? 'wrong' : undefined;
    if (legacy) return answerLegacy(request, problem);
    if (problem === 'missing') {
      throw new ApiError(
        'PERMISSION_DENIED',
        "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.",
      );
    }
    if (problem === 'wrong') {
      throw new ApiError('INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: 'API_KEY_INVALID',
          domain: 'googleapis.com',
          metadata: { service: 'places.googleapis.com' },
        },
      ]);
    }
    return answerModern(request, origin);
  } catch (error) {
    const { http, message, status, details } =
      error instanceof ApiError ? error : new ApiError('INTERNAL', `stand-in: ${error}`);
    const body = { code: http, message, status, ...(details.length === 0 ? undefined : { details }) };
    return { status: http, json: { error: body } };
  }
}

export function keyFits(key: string, options: Pick<PlacesStandInOptions, 'apiKey'>): boolean {
  return options.apiKey === undefined ? !key.startsWith('wrong') : key === options.apiKey;
}

function read(incoming: IncomingMessage, parts: Buffer[]): PlacesStandInRequest {
  const url = new URL(incoming.url ?? '/', 'http://stand-in');
  let body: unknown;
  if (parts.length > 0) {
    try {
      body = JSON.parse(Buffer.concat(parts).toString());
    } catch {
      // Not JSON: the methods say what they miss.
    }
  }
  const method = incoming.method ?? 'GET';
  return { method, path: url.pathname, query: url.searchParams, headers: incoming.headers, body };
}

function send(outgoing: ServerResponse, answer: Answer, gzip: boolean): void {
  if (outgoing.destroyed) return;
  outgoing.statusCode = answer.status;
  if (answer.location !== undefined) {
    outgoing.setHeader('location', answer.location);
    outgoing.end();
    return;
  }
  const text = answer.json === undefined ? (answer.xml ?? answer.html ?? '') : JSON.stringify(answer.json, null, 2);
  const plain = answer.bytes ?? Buffer.from(text);
  const type =
    answer.json !== undefined ? 'application/json' : answer.xml !== undefined ? 'application/xml' : 'text/html';
  outgoing.setHeader('content-type', answer.type ?? `${type}; charset=UTF-8`);
  // Google compresses whatever is long and may be compressed.
  const body = gzip && answer.bytes === undefined && plain.length > 200 ? gzipSync(plain) : plain;
  if (body !== plain) outgoing.setHeader('content-encoding', 'gzip');
  outgoing.setHeader('content-length', body.length);
  outgoing.end(body);
}
