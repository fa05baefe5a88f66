import { createRequire } from 'node:module';
import { keyFits } from './index.ts';
import { METHODS } from './modern.ts';
import { ApiError, type PlacesStandInExchange, type PlacesStandInOptions } from './types.ts';

/*
 * grpc-js is what @googlemaps/places itself depends on (through google-gax): taken from there, so that server and client are
 * of one copy.
 */

interface Call {
  readonly request: Record<string, unknown>;
  readonly metadata: { get(name: string): (string | Buffer)[] };
}
type Reply = (error: { code: number; details: string } | null, response?: unknown) => void;
interface Server {
  addService(service: unknown, handlers: Record<string, (call: Call, reply: Reply) => void>): void;
  bindAsync(address: string, credentials: unknown, done: (error: Error | null, port: number) => void): void;
  forceShutdown(): void;
}
interface Gax {
  readonly grpc: {
    readonly Server: new () => Server;
    readonly ServerCredentials: { createInsecure(): unknown };
    readonly credentials: { createInsecure(): unknown };
  };
  readonly GrpcClient: new () => { loadProtoJSON(json: unknown): { google: { maps: { places: { v1: Protos } } } } };
}
type Protos = { readonly Places: { readonly service: unknown } };

export interface GooglePlacesGrpcStandIn {
  readonly port: number;
  /** For `new PlacesClient(…)`: where it is, without TLS and with a key. */
  readonly clientOptions: { apiEndpoint: string; port: number; sslCreds: unknown };
  readonly requests: PlacesStandInExchange[];
  readonly count: number;
  close(): Promise<void>;
}

/**
 * `google.maps.places.v1.Places` over gRPC, with the answers of the REST stand-in.
 * @param packagePath a file of the @googlemaps/places to be served, default the installed one
 */
export async function createGooglePlacesGrpcStandIn(
  options: Omit<PlacesStandInOptions, 'failures'> & {
    /** Fails a call with a gRPC code. */
    readonly failures?: (method: string, request: Readonly<Record<string, unknown>>) => number | undefined;
  } = {},
  packagePath: string = createRequire(import.meta.url).resolve('@googlemaps/places'),
): Promise<GooglePlacesGrpcStandIn> {
  const load = createRequire(packagePath);
  const gax = load('google-gax') as Gax;
  const protos = new gax.GrpcClient().loadProtoJSON(load('../protos/protos.json'));
  const requests: PlacesStandInExchange[] = [];
  let count = 0;

  const handler = (method: keyof typeof METHODS) => (call: Call, reply: Reply) => {
    count += 1;
    const meta = (name: string) => call.metadata.get(name).map(String).join(',') || undefined;
    let code = 0;
    let details = '';
    let response: unknown;
    try {
      const failure = options.failures?.(method, call.request);
      if (failure !== undefined) throw Object.assign(new Error('The stand-in was told to fail.'), { code: failure });
      const key = meta('x-goog-api-key');
      if (key !== undefined && !keyFits(key, options)) {
        throw new ApiError('INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.');
      }
      response = METHODS[method](plain(call.request), meta('x-goog-fieldmask'));
    } catch (error) {
      code = (error as { code?: number }).code ?? 13;
      details = (error as Error).message;
    }
    if (options.record !== false) {
      const headers = { 'x-goog-fieldmask': meta('x-goog-fieldmask'), 'x-goog-api-key': meta('x-goog-api-key') };
      requests.push({
        method: 'gRPC',
        path: method,
        query: new URLSearchParams(),
        headers,
        body: call.request,
        status: code,
      });
    }
    setTimeout(() => (code === 0 ? reply(null, response) : reply({ code, details })), options.latencyMs ?? 0);
  };

  const server = new gax.grpc.Server();
  const names = Object.keys(METHODS) as (keyof typeof METHODS)[];
  server.addService(protos.google.maps.places.v1.Places.service, Object.fromEntries(names.map((n) => [n, handler(n)])));
  const host = options.host ?? '127.0.0.1';
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${options.port ?? 0}`, gax.grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    port,
    clientOptions: { apiEndpoint: host, port, sslCreds: gax.grpc.credentials.createInsecure() },
    requests,
    get count() {
      return count;
    },
    async close() {
      server.forceShutdown();
    },
  };
}

/** protobufjs fills in defaults: an unset message is null, a number 0, a text ''. */
function plain(request: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(request).filter(([, value]) => value !== null && value !== '' && value !== 0),
  );
}
