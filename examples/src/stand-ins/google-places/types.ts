import type { IncomingHttpHeaders } from 'node:http';

export interface PlacesStandInRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Parsed, where it is JSON. */
  readonly body: unknown;
}

/** An exchange over HTTP or gRPC (`path` is the method's name there). */
export interface PlacesStandInExchange extends PlacesStandInRequest {
  /** HTTP status, or the gRPC code. */
  readonly status: number;
}

export interface PlacesStandInOptions {
  /** The only key that is let in; default: every key but those that begin with `wrong`. */
  readonly apiKey?: string;
  /** Milliseconds before every answer (default 0). */
  readonly latencyMs?: number;
  /** Answers a request in place of the stand-in (over HTTP): an HTTP status with the new API's error body. */
  readonly failures?: (request: PlacesStandInRequest) => number | undefined;
  /** Keep every exchange in `requests` (default true; off for long runs). */
  readonly record?: boolean;
  /** Default 0, a free one. */
  readonly port?: number;
  /** Default `127.0.0.1`. */
  readonly host?: string;
}

export interface Answer {
  readonly status: number;
  readonly json?: unknown;
  readonly xml?: string;
  readonly html?: string;
  readonly bytes?: Buffer;
  readonly type?: string;
  readonly location?: string;
}

/** An error as google.rpc.Status says it. */
export class ApiError extends Error {
  readonly http: number;
  /** gRPC's code. */
  readonly code: number;
  /** Its name: `INVALID_ARGUMENT`. */
  readonly status: string;
  readonly details: readonly unknown[];

  constructor(status: keyof typeof STATUSES, message: string, details: readonly unknown[] = []) {
    super(message);
    this.status = status;
    [this.http, this.code] = STATUSES[status];
    this.details = details;
  }
}

const STATUSES = {
  INVALID_ARGUMENT: [400, 3],
  UNAUTHENTICATED: [401, 16],
  PERMISSION_DENIED: [403, 7],
  NOT_FOUND: [404, 5],
  RESOURCE_EXHAUSTED: [429, 8],
  INTERNAL: [500, 13],
  UNAVAILABLE: [503, 14],
} as const;

/** The error that an HTTP status stands for. */
export function errorOf(http: number): ApiError {
  const found = Object.entries(STATUSES).find(([, [status]]) => status === http);
  const status = (found?.[0] ?? 'INTERNAL') as keyof typeof STATUSES;
  return new ApiError(status, `The stand-in was told to answer ${http}.`);
}
