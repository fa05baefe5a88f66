import type { IncomingHttpHeaders } from 'node:http';

/** One request as it arrived. */
export interface R2Request {
  readonly method: string;
  /** Without the query, as it was sent. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly rawQuery: string;
  readonly headers: IncomingHttpHeaders;
  /** What was stored or read as XML: without the chunk framing of `aws-chunked`. */
  readonly body: Buffer;
  /** As the S3 API calls it (`PutObject`); `Unknown` for what R2 does not have. */
  readonly operation: string;
  readonly bucket: string;
  readonly key: string;
  /** 1 for the first attempt of a call, as the SDK says it (`amz-sdk-request`). */
  readonly attempt: number;
}

/** A request and what was answered to it. */
export interface R2Exchange extends R2Request {
  /** HTTP status; 0 for a reset or an unanswered request. */
  readonly status: number;
  /** Of an error: `NoSuchKey`, `SlowDown`, … */
  readonly code?: string | undefined;
  /** The answer's `cf-ray`. */
  readonly ray: string;
}

/** How a request fails instead of being answered. `times`: only that many attempts of a call. */
export type R2Failure = { readonly times?: number } & (
  | { readonly status: number; readonly code: string; readonly message?: string; readonly retryAfterSeconds?: number }
  | { readonly reset: true }
  | { readonly hang: true }
);

export interface R2StandInOptions {
  /** Buckets that are there from the beginning. */
  readonly buckets?: readonly string[];
  /** Where both keys are given, signatures (version 4) are checked; else any signed request is let in. */
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  /** Buckets that the keys give no right to: 403 AccessDenied. */
  readonly denied?: readonly string[];
  readonly failures?: (request: R2Request) => R2Failure | undefined;
  /** Most keys of one page of a list (R2's own limit is 1,000). */
  readonly maxKeys?: number;
  /** Milliseconds before every answer. */
  readonly latencyMs?: number;
  /** Keep every exchange in `requests` (default true; off for long runs). */
  readonly record?: boolean;
  /** Default 0, a free one. */
  readonly port?: number;
  /** Default `127.0.0.1`. */
  readonly host?: string;
  readonly now?: () => Date;
}

export interface R2StandIn {
  /** For the client's `endpoint`; with `forcePathStyle: true`. */
  readonly url: string;
  readonly port: number;
  readonly requests: R2Exchange[];
  /** How many requests came. */
  readonly count: number;
  /**
   * Stores an object without a request.
   * @param content its bytes, or only their number: then it can be listed but holds zeros
   */
  store(bucket: string, key: string, content: string | Uint8Array | number, storageClass?: string): void;
  remove(bucket: string, key: string): void;
  /** Ends all connections at once. */
  close(): Promise<void>;
}

/** What is answered. */
export interface R2Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
  readonly code?: string;
}

/** An S3 error: its code, message and HTTP status. */
export class R2Error extends Error {
  readonly code: string;
  readonly status: number;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}
