import type { IncomingMessage } from 'node:http';
import { currentTime } from '../../clock.ts';

/** Twilio's webhooks have some kilobytes at most. Unit: bytes. */
export const DEFAULT_LIMIT = 64 * 1024;

const MARK = Symbol.for('client-cost twilio webhook');

/** What is known of one signed request. */
export interface Watched {
  /** As the server received it: routers shorten `url`. */
  readonly path: string;
  readonly at: Date;
  readonly body: BodyWatch;
  /** A middleware answers for the request: nothing is recorded of it without one. */
  claimed: boolean;
  /** Somebody records it when its response is finished. */
  recording: boolean;
}

type State = 'open' | 'complete' | 'too-large' | 'aborted';
type Push = (this: unknown, chunk: unknown, encoding?: BufferEncoding) => boolean;

/**
 * Sees the bytes of a body as they arrive in the request's stream: nothing is consumed and nothing waits, whoever reads the
 * stream later, or never, finds it as it was. Keeps at most `limit` bytes.
 */
export class BodyWatch {
  readonly #chunks: Uint8Array[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #request: IncomingMessage;
  readonly #limit: number;
  #size = 0;
  #state: State = 'open';
  /** While somebody waits for the whole body, the stream takes all of it though nobody reads (bounded by the limit). */
  held = false;

  /** @param head what the stream holds already */
  constructor(request: IncomingMessage, limit: number, head?: Uint8Array | string | null) {
    this.#request = request;
    this.#limit = limit;
    if (head !== undefined && head !== null) this.#see(head, request.readableEncoding ?? undefined);
    const push = request.push as Push;
    const watch = this;
    const watched: Push = function (chunk, encoding) {
      const wantsMore = push.call(this, chunk, encoding);
      if (watch.#state === 'open') watch.#pushed(request, chunk, encoding);
      return wantsMore || (watch.held && watch.#state === 'open');
    };
    Object.defineProperty(request, 'push', { value: watched, writable: true, configurable: true, enumerable: false });
    this.#seeDumped(request);
  }

  get state(): State {
    return this.#state;
  }

  /** The whole body; undefined unless it is complete. */
  get bytes(): Buffer | undefined {
    return this.#state === 'complete' ? Buffer.concat(this.#chunks) : undefined;
  }

  /** Resolves when the body is complete, too large or aborted. */
  whenDone(): Promise<void> {
    if (this.#state === 'open') {
      // Not before somebody waits: a listener more is something that an application can see.
      if (this.#request.closed) this.#end('aborted');
      else if (this.#waiting.length === 0) this.#request.once('close', () => this.#end('aborted'));
    }
    return new Promise((resolve) => {
      if (this.#state === 'open') this.#waiting.push(resolve);
      else resolve();
    });
  }

  /** The stream holds the whole body already. */
  complete(): void {
    this.#end('complete');
  }

  /**
   * When a response is finished whose request nobody has read, Node.js throws the rest of the body away before it reaches the
   * stream. A handler that answers without a look at the parameters is common (TwiML for a call): its body goes through the
   * stream then, and nowhere.
   */
  #seeDumped(request: IncomingMessage): void {
    const { _dump: dump } = request as { _dump?: (this: unknown) => void };
    if (typeof dump !== 'function') return;
    const drain = () => {
      if (this.#state !== 'open') return dump.call(request);
      request.removeAllListeners('data');
      request.resume();
    };
    Object.defineProperty(request, '_dump', { value: drain, writable: true, configurable: true, enumerable: false });
  }

  #pushed(request: IncomingMessage, chunk: unknown, encoding: BufferEncoding | undefined): void {
    // A body that nobody wanted is thrown away by Node.js, and its end is still told.
    if (chunk === null) this.#end((request as { _dumped?: boolean })._dumped === true ? 'aborted' : 'complete');
    else if (typeof chunk === 'string' || chunk instanceof Uint8Array) this.#see(chunk, encoding);
  }

  #see(chunk: Uint8Array | string, encoding: BufferEncoding | undefined): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
    this.#size += bytes.byteLength;
    if (this.#size > this.#limit) this.#end('too-large');
    else this.#chunks.push(bytes);
  }

  #end(state: State): void {
    if (this.#state !== 'open') return;
    this.#state = state;
    if (state !== 'complete') this.#chunks.length = 0;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** What has been noted of a request; undefined where nobody watches it. */
export function watchedOf(request: IncomingMessage): Watched | undefined {
  return (request as { [MARK]?: Watched })[MARK];
}

/** Watches a request from its beginning. */
export function watchRequest(request: IncomingMessage, path: string, body: BodyWatch): Watched {
  const watched: Watched = { path, at: currentTime(), body, claimed: false, recording: false };
  Object.defineProperty(request, MARK, { value: watched });
  return watched;
}
