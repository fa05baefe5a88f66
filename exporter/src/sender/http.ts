import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { Socket } from 'node:net';
import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import { type CredentialFiles, type Credentials, readCredentials } from '../credentials.ts';
import { messageOf } from '../log.ts';
import { safely } from '../safely.ts';

/** The key of `suppressTracing` in @opentelemetry/core, which takes 100 ms to load: our own requests are nobody's spans. */
const SUPPRESSED = ROOT_CONTEXT.setValue(createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING'), true);

/** What is kept of an answer, and how much of it is read at all, bytes. */
const MAX_ANSWER = 64 * 1024;
const MAX_LENGTH = 8 * 1024 * 1024;
/** A connection attempt cannot be unref'd, so a dead address must not hold the process for the whole time-out. */
const CONNECT_TIMEOUT_MS = 3_000;

export interface HttpOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly gzip: boolean;
  /** PEM, for https. */
  readonly tls?: Credentials['tls'];
  /** Where certificates and token come from: read again when they do not do any more. */
  readonly files?: CredentialFiles;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** POSTs bodies to one address over one kept-alive connection that never keeps the process alive. */
export class HttpPoster {
  private options: HttpOptions;
  private readonly url: URL;
  private agent: Agent | undefined;
  private request: ((options: RequestOptions, done: (response: IncomingMessage) => void) => ClientRequest) | undefined;

  constructor(options: HttpOptions) {
    this.options = options;
    this.url = new URL(options.url);
  }

  /** Rejects when no whole answer came: refused, reset, timed out. */
  async post(body: Uint8Array): Promise<Answer> {
    const payload = this.options.gzip ? await gzip(body) : body;
    try {
      const answer = await context.with(SUPPRESSED, () => this.exchange(payload));
      if (answer.status === 401 || answer.status === 403) this.renew();
      return answer;
    } catch (error) {
      this.renew();
      throw error;
    }
  }

  /** Reads the files of certificates and token again: they may have been renewed. The next try has what they hold now. */
  private renew(): void {
    const { files, headers, tls } = this.options;
    if (files === undefined || Object.keys(files).length === 0) return;
    // A file that is just being replaced: what was read before stays.
    const now = readCredentials(files, () => {});
    const next = {
      tls: { ...tls, ...now.tls },
      headers: now.authorization === undefined ? headers : { ...headers, authorization: now.authorization },
    };
    if (JSON.stringify(next) === JSON.stringify({ tls, headers })) return;
    this.options = { ...this.options, ...next };
    this.close();
  }

  close(): void {
    this.agent?.destroy();
    this.agent = undefined;
  }

  private connect(): void {
    // Loaded at the first request, through the built-in loader: the module as it is, in any bundle.
    const settings = { keepAlive: true, maxSockets: 1, ...this.options.tls };
    if (this.url.protocol === 'https:') {
      const https = process.getBuiltinModule('node:https');
      this.agent = new https.Agent(settings);
      this.request = https.request;
    } else {
      const http = process.getBuiltinModule('node:http');
      this.agent = new http.Agent(settings);
      this.request = http.request;
    }
  }

  /** An answer may quote what it was sent, and its first words go into the log. */
  private withoutSecrets(answer: string): string {
    const { username, password } = this.url;
    const sent = [...Object.values(this.options.headers), username, password, decoded(username), decoded(password)];
    const secrets = sent.flatMap((value) => value.split(/[\s,;=:]+/)).filter((word) => word.length >= 8);
    return secrets.reduce((text, secret) => text.replaceAll(secret, '[secret]'), answer);
  }

  private exchange(payload: Uint8Array): Promise<Answer> {
    if (this.agent === undefined) this.connect();
    const { hostname, port, pathname, search, protocol } = this.url;
    return new Promise((resolve, reject) => {
      const request = this.request!(
        {
          protocol,
          hostname: hostname.replace(/^\[|\]$/g, ''),
          port,
          path: pathname + search,
          method: 'POST',
          agent: this.agent!,
          headers: {
            ...this.options.headers,
            'content-length': payload.length,
            ...(this.options.gzip ? { 'content-encoding': 'gzip' } : {}),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on(
            'data',
            guarded((chunk: Buffer) => {
              if (size < MAX_ANSWER) chunks.push(chunk);
              size += chunk.length;
              if (size > MAX_LENGTH) fail(new Error(`the answer is longer than ${MAX_LENGTH} bytes`));
            }),
          );
          response.on(
            'end',
            guarded(() => {
              clearTimeout(timer);
              const { statusCode: status = 0, headers } = response;
              try {
                const text = unpacked(Buffer.concat(chunks), headers['content-encoding']);
                resolve({ status, headers, body: this.withoutSecrets(text.toString('utf8', 0, MAX_ANSWER)) });
              } catch (error) {
                fail(new Error(`the answer cannot be unpacked (${messageOf(error)})`));
              }
            }),
          );
          response.on('error', guarded(fail));
          response.on(
            'aborted',
            guarded(() => fail(new Error('the connection was closed in the middle of the answer'))),
          );
        },
      );
      const fail = (error: unknown) => {
        reject(error instanceof Error ? error : new Error(messageOf(error)));
        request.destroy();
        clearTimeout(timer);
      };
      // A failure of ours in there is a failure of this request.
      const guarded = <A extends unknown[]>(listener: (...args: A) => void) =>
        safely((...args: A) => {
          try {
            listener(...args);
          } catch (error) {
            fail(error);
          }
        });
      const late = (what: string, ms: number) => guarded(() => fail(new Error(`${what} within ${ms} ms`)));
      let timer = setTimeout(late('no answer', this.options.timeoutMs), this.options.timeoutMs).unref();
      request.on('error', guarded(fail));
      const connecting = guarded((socket: Socket) => {
        socket.unref();
        if (!socket.connecting) return;
        const connectMs = Math.min(CONNECT_TIMEOUT_MS, this.options.timeoutMs);
        clearTimeout(timer);
        timer = setTimeout(late('no connection', connectMs), connectMs).unref();
        const connected = guarded(() => {
          clearTimeout(timer);
          timer = setTimeout(late('no answer', this.options.timeoutMs), this.options.timeoutMs).unref();
        });
        socket.once('connect', connected);
      });
      request.on('socket', connecting);
      request.end(payload);
    });
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function gzip(body: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    process.getBuiltinModule('node:zlib').gzip(body, (error, packed) => (error ? reject(error) : resolve(packed)));
  });
}

/** An answer that was packed although nobody asked for that. Throws where it cannot be unpacked, or to more than is kept. */
function unpacked(body: Buffer, encoding: string | undefined): Buffer {
  const zlib = process.getBuiltinModule('node:zlib');
  const unpack = { gzip: zlib.gunzipSync, deflate: zlib.inflateSync, br: zlib.brotliDecompressSync }[encoding ?? ''];
  return unpack === undefined ? body : unpack(body, { maxOutputLength: MAX_ANSWER });
}

/** Longer than this nobody is made to wait, whatever is asked for: a wrong header must not hold money up for hours. */
const MAX_RETRY_AFTER_MS = 300_000;

/** Milliseconds of a `Retry-After` header: seconds or an HTTP date; at most five minutes. */
export function retryAfter(value: string | undefined, now = Date.now()): number | undefined {
  if (value === undefined || value === '') return undefined;
  const ms = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS) : undefined;
}
