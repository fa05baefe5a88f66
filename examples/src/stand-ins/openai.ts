import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerOf, chatCompletion, embeddings, nextId, outputItems, response } from './bodies.ts';
import {
  ScriptError,
  type StandInExchange,
  type StandInFailure,
  type StandInRequest,
  type StandInScript,
  type StandInUsage,
  scriptOf,
} from './script.ts';
import { chatFrames, responseFrames } from './stream.ts';

export interface OpenAIStandInOptions {
  /** Token counts of the answer to a request; wins over the request's own script. */
  readonly usage?: (request: StandInRequest) => StandInUsage | undefined;
  /** More of the script of the answer; wins over the request's own. */
  readonly script?: (request: StandInRequest) => StandInScript | undefined;
  /** A failure for a request; wins over the request's own script. */
  readonly failures?: (request: StandInRequest) => StandInFailure | undefined;
  /** Milliseconds before every answer (default 0). */
  readonly latencyMs?: number;
  /** The only key that is let in; default: every key but those that begin with `sk-wrong`. */
  readonly apiKey?: string;
  /** Models that exist, beside OpenAI's own families; `any` lets every name in. */
  readonly models?: readonly string[] | 'any';
  /** Keep every exchange in `requests` (default true; off for long runs). */
  readonly record?: boolean;
  /** Default 0, a free one. */
  readonly port?: number;
  /** Default `127.0.0.1`. */
  readonly host?: string;
}

export interface OpenAIStandIn {
  /** Base URL with `/v1`, for `OPENAI_BASE_URL`. */
  readonly url: string;
  readonly port: number;
  /** Every exchange in order of its answer's beginning, unless `record` is false. */
  readonly requests: StandInExchange[];
  /** How many requests came. */
  readonly count: number;
  /** Ends all connections at once. */
  close(): Promise<void>;
}

/**
 * A local HTTP server that behaves like OpenAI's API on the wire: chat completions, Responses (plain and streamed),
 * embeddings, their usage and their errors. Azure's paths (`/openai/deployments/…`) and its `api-key` header work too.
 */
export async function createOpenAIStandIn(options: OpenAIStandInOptions = {}): Promise<OpenAIStandIn> {
  const requests: StandInExchange[] = [];
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((incoming, outgoing) => {
    count += 1;
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.on('error', () => outgoing.destroy());
    incoming.on('end', () => {
      const { request, malformed } = read(incoming, parts);
      const requestId = nextId('req_');
      outgoing.setHeader('x-request-id', requestId);
      const done = (status: number, usage?: StandInUsage, id?: string) => {
        if (options.record !== false) requests.push({ ...request, status, usage, id, requestId });
      };
      answer(request, malformed, outgoing, options, done).catch((error: unknown) => {
        // The caller went away, or the stand-in itself is wrong: say the latter loudly.
        if (outgoing.destroyed) return;
        fail(outgoing, 500, 'server_error', null, `stand-in: ${error}`);
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
    url: `http://${host}:${port}/v1`,
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

type Done = (status: number, usage?: StandInUsage, id?: string) => void;

const FAMILIES = /^(gpt-|o\d|chatgpt-|text-embedding-|ft:|codex-)/;

async function answer(
  request: StandInRequest,
  malformed: boolean,
  outgoing: ServerResponse,
  options: OpenAIStandInOptions,
  done: Done,
): Promise<void> {
  const { body, path } = request;
  const failed = (status: number, type: string, code: string | null, message: string, param?: string) => {
    done(status);
    fail(outgoing, status, type, code, message, param);
  };

  const key = request.headers.authorization?.replace(/^Bearer /, '') ?? request.headers['api-key'];
  if (!key) {
    return failed(401, 'invalid_request_error', null, "You didn't provide an API key.");
  }
  if (options.apiKey === undefined ? String(key).startsWith('sk-wrong') : key !== options.apiKey) {
    return failed(401, 'invalid_request_error', 'invalid_api_key', 'Incorrect API key provided.');
  }
  if (request.method === 'GET' && path.endsWith('/models')) {
    done(200);
    return send(outgoing, 200, JSON.stringify({ object: 'list', data: [{ id: 'gpt-4o-mini', object: 'model' }] }));
  }
  const route = ROUTES.find((candidate) => path.endsWith(candidate));
  if (request.method !== 'POST' || route === undefined) {
    return failed(404, 'invalid_request_error', 'unknown_url', `Invalid URL (${request.method} ${path})`);
  }
  if (malformed || body === undefined) {
    return failed(400, 'invalid_request_error', null, 'We could not parse the JSON body of your request.');
  }

  let script: StandInScript;
  try {
    script = { ...scriptOf(request), ...options.script?.(request) };
  } catch (error) {
    if (error instanceof ScriptError) return failed(400, 'invalid_request_error', null, error.message);
    throw error;
  }
  const latency = script.latencyMs ?? options.latencyMs ?? 0;
  if (latency > 0) await sleep(latency);

  const failure = active(options.failures?.(request) ?? script.failure, request);
  if (failure && 'hang' in failure) return done(0);
  if (failure && 'reset' in failure) {
    done(0);
    outgoing.socket?.resetAndDestroy();
    return;
  }
  if (failure && 'status' in failure) {
    done(failure.status);
    return sendFailure(outgoing, failure);
  }

  const problem = invalid(body, route);
  if (problem) return failed(400, 'invalid_request_error', problem.code, problem.message, problem.param);
  const azure = path.includes('/deployments/');
  if (!azure && options.models !== 'any' && !FAMILIES.test(body.model) && !options.models?.includes(body.model)) {
    const message = `The model \`${body.model}\` does not exist or you do not have access to it.`;
    return failed(404, 'invalid_request_error', 'model_not_found', message);
  }

  const given = options.usage?.(request);
  if (route === '/embeddings') {
    const { body: text, usage } = embeddings(body, script, given);
    done(200, usage);
    return send(outgoing, 200, JSON.stringify(text));
  }
  const chat = route === '/chat/completions';
  const whole = answerOf(request, script, given, chat ? 'chatcmpl-' : 'resp_');
  done(200, whole.usage, whole.id);
  if (body.stream === true) {
    const frames = (chat ? chatFrames : responseFrames)(whole, body, script.chunks);
    return stream(outgoing, frames, script.chunkDelayMs ?? 0, failure?.breakAfterChunks);
  }
  const text = chat ? chatCompletion(whole, body) : response(whole, body, 'completed', outputItems(whole, 'completed'));
  send(outgoing, 200, JSON.stringify(text));
}

const ROUTES = ['/chat/completions', '/responses', '/embeddings'] as const;

function read(incoming: IncomingMessage, parts: Buffer[]): { request: StandInRequest; malformed: boolean } {
  const [path = '/', query = ''] = (incoming.url ?? '/').split('?', 2);
  let body: unknown;
  let malformed = false;
  if (parts.length > 0) {
    try {
      const parsed: unknown = JSON.parse(parts.length === 1 ? parts[0]!.toString() : Buffer.concat(parts).toString());
      if (parsed !== null && typeof parsed === 'object' && !Array.isArray(parsed)) body = parsed;
    } catch {
      malformed = true;
    }
  }
  const attempt = Number(incoming.headers['x-stainless-retry-count'] ?? 0);
  return {
    request: { method: incoming.method ?? 'GET', path, query, headers: incoming.headers, body, attempt },
    malformed,
  };
}

function active(failure: StandInFailure | undefined, request: StandInRequest): StandInFailure | undefined {
  if (failure === undefined) return undefined;
  return failure.times !== undefined && request.attempt >= failure.times ? undefined : failure;
}

// biome-ignore lint/suspicious/noExplicitAny: a request's body
function invalid(body: any, route: string): { code: string | null; message: string; param: string } | undefined {
  if (typeof body.model !== 'string' || body.model === '') {
    return { code: null, message: 'you must provide a model parameter', param: 'model' };
  }
  const name = route === '/chat/completions' ? 'messages' : 'input';
  const value = body[name];
  if (value === undefined && !(route === '/responses' && body.prompt)) {
    return { code: 'missing_required_parameter', message: `Missing required parameter: '${name}'.`, param: name };
  }
  if (name === 'messages' && (!Array.isArray(value) || value.length === 0)) {
    const message = "Invalid 'messages': expected a non-empty array.";
    return { code: 'invalid_type', message, param: 'messages' };
  }
  if (body.stream_options && body.stream !== true) {
    const message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
    return { code: null, message, param: 'stream_options' };
  }
  return undefined;
}

const SHORT: Readonly<Record<number, [type: string, code: string | null, message: string]>> = {
  400: ['invalid_request_error', null, 'The request is invalid.'],
  401: ['invalid_request_error', 'invalid_api_key', 'Incorrect API key provided.'],
  404: ['invalid_request_error', 'model_not_found', 'The model does not exist or you do not have access to it.'],
  429: ['requests', 'rate_limit_exceeded', 'Rate limit reached for requests.'],
  500: ['server_error', null, 'The server had an error while processing your request. Sorry about that!'],
};

function sendFailure(outgoing: ServerResponse, failure: Extract<StandInFailure, { status: number }>): void {
  const [type, code, message] = SHORT[failure.status] ?? ['server_error', null, `Status ${failure.status}`];
  const headers: Record<string, string> = {};
  if (failure.status === 429 || failure.retryAfterMs !== undefined) {
    const ms = failure.retryAfterMs ?? 20;
    headers['retry-after-ms'] = String(ms);
    headers['retry-after'] = String(Math.ceil(ms / 1000));
  }
  fail(outgoing, failure.status, type, failure.code ?? code, failure.message ?? message, undefined, headers);
}

function fail(
  outgoing: ServerResponse,
  status: number,
  type: string,
  code: string | null,
  message: string,
  param?: string,
  headers: Record<string, string> = {},
): void {
  if (outgoing.headersSent) {
    outgoing.destroy();
    return;
  }
  send(outgoing, status, JSON.stringify({ error: { message, type, param: param ?? null, code } }), headers);
}

function send(outgoing: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  outgoing.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'openai-processing-ms': '1',
    ...headers,
  });
  outgoing.end(text);
}

async function stream(
  outgoing: ServerResponse,
  frames: readonly string[],
  delayMs: number,
  breakAfter: number | undefined,
): Promise<void> {
  outgoing.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'openai-processing-ms': '1',
  });
  if (delayMs === 0 && breakAfter === undefined) {
    outgoing.end(frames.join(''));
    return;
  }
  for (const [index, frame] of frames.entries()) {
    if (outgoing.destroyed) return;
    if (index === breakAfter) {
      // Let what was written reach the caller before the connection breaks.
      await sleep(10);
      outgoing.socket?.resetAndDestroy();
      return;
    }
    outgoing.write(frame);
    if (delayMs > 0) await sleep(delayMs);
  }
  outgoing.end();
}
