import type { IncomingHttpHeaders } from 'node:http';

/** Token counts of one answer; `input` includes `cached`, `output` includes `reasoning`, as OpenAI counts them. */
export interface StandInUsage {
  readonly input: number;
  readonly output?: number;
  readonly cached?: number;
  readonly reasoning?: number;
  readonly audioInput?: number;
  readonly audioOutput?: number;
}

/** How an answer goes wrong. `times` fails only the SDK's first n attempts (by `x-stainless-retry-count`). */
export type StandInFailure = { readonly times?: number } & (
  | { readonly status: number; readonly code?: string; readonly message?: string; readonly retryAfterMs?: number }
  | { readonly reset: true }
  | { readonly hang: true }
  | { readonly breakAfterChunks: number }
);

export interface StandInToolCall {
  readonly name: string;
  readonly arguments: unknown;
}

/** What one answer shall be; everything absent is as OpenAI would by default. */
export interface StandInScript {
  readonly usage?: StandInUsage;
  /** The whole answer text. */
  readonly text?: string;
  /** Into how many content chunks a stream is cut (default: one per word). */
  readonly chunks?: number;
  /** Called unless the last message already carries a tool's result. */
  readonly toolCalls?: readonly StandInToolCall[];
  readonly serviceTier?: string;
  /** The `model` of the answer. */
  readonly responseModel?: string;
  /** Milliseconds before the first byte of the answer. */
  readonly latencyMs?: number;
  /** Milliseconds between stream chunks. */
  readonly chunkDelayMs?: number;
  /** True for an OpenAI-compatible server that never reports usage. */
  readonly omitUsage?: boolean;
  readonly failure?: StandInFailure;
}

/** One request as it arrived. */
export interface StandInRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  /** The parsed JSON body; undefined when it is absent or not an object. */
  // biome-ignore lint/suspicious/noExplicitAny: the wire is untyped, callers read what they sent
  readonly body: any;
  /** 0 for the first attempt of a call, as the SDK says it. */
  readonly attempt: number;
}

/** A request and what was answered to it. */
export interface StandInExchange extends StandInRequest {
  /** HTTP status; 0 for a reset or an unanswered request. */
  readonly status: number;
  /** What a billed answer said; undefined where nothing was billed. */
  readonly usage?: StandInUsage | undefined;
  /** The `id` of the answer (embeddings have none). */
  readonly id?: string | undefined;
  /** The answer's `x-request-id`. */
  readonly requestId: string;
}

/** Scripts come from the header `x-stand-in`, `metadata.stand_in` or a `user` that begins with `{`: JSON of a StandInScript. */
export function scriptOf(request: StandInRequest): StandInScript {
  const { body, headers } = request;
  const sources = [headers['x-stand-in'], body?.metadata?.stand_in, body?.user, body?.safety_identifier];
  for (const source of sources) {
    if (typeof source !== 'string' || !source.startsWith('{')) continue;
    try {
      return JSON.parse(source) as StandInScript;
    } catch {
      throw new ScriptError(`The stand-in's script is not JSON: ${source.slice(0, 200)}`);
    }
  }
  return EMPTY;
}

/** A script that cannot be read: answered as a 400, so that a mistaken test fails with the reason. */
export class ScriptError extends Error {}

const EMPTY: StandInScript = {};
