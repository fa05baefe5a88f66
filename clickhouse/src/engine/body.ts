import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream';
import { decoder } from './compression.ts';
import { ClickHouseError, ErrorCode } from './errors.ts';

/** How slowly a body may come. */
export interface Pace {
  /** Longest wait for the next piece. */
  readonly idleMs: number;
  /** After `graceMs` it must have come this fast on average. */
  readonly graceMs: number;
  readonly bytesPerSecond: number;
}

/** A client on a bad line is faster; one that holds connections open with a byte now and then is not. */
export const PACE: Pace = { idleMs: 30_000, graceMs: 60_000, bytesPerSecond: 1024 };

/** A request's body, decompressed, read piece by piece, never beyond `limit` bytes and never waited for without end. */
export class Body {
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #limit: number;
  readonly #pace: Pace;
  /** Milliseconds that pieces were waited for. */
  #waited = 0;
  #size = 0;

  constructor(request: IncomingMessage, limit: number, pace: Pace = PACE) {
    this.#pace = pace;
    const decode = decoder(request.headers['content-encoding']);
    // pipeline hands errors of either side to the reader below; its callback has nothing to add.
    const stream = decode === undefined ? request : pipeline(request, decode, () => undefined);
    this.#chunks = stream[Symbol.asyncIterator]();
    this.#limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  /** The next piece, or undefined at the end. */
  async next(): Promise<Buffer | undefined> {
    let result: IteratorResult<Buffer>;
    try {
      result = await this.#inTime(this.#chunks.next());
    } catch (error) {
      if (error instanceof ClickHouseError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new ClickHouseError(ErrorCode.CANNOT_DECOMPRESS, `Cannot read the request's body: ${reason}`, 400);
    }
    if (result.done === true) return undefined;
    this.#size += result.value.length;
    if (this.#size > this.#limit) {
      throw tooLarge(`The request's body is larger than ${this.#limit} bytes; send it in smaller parts`);
    }
    return result.value;
  }

  /** Waits for a piece as long as it may take. @throws ClickHouseError 209 (408) */
  async #inTime<T>(piece: Promise<T>): Promise<T> {
    const { idleMs, graceMs, bytesPerSecond } = this.#pace;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(tooSlow(`nothing came for ${idleMs} ms`)), idleMs);
    });
    // It may still fail when nobody waits for it any more.
    piece.catch(() => undefined);
    const begun = performance.now();
    const came = await Promise.race([piece, late]).finally(() => clearTimeout(timer));
    this.#waited += performance.now() - begun;
    if (this.#waited > graceMs && this.#size < (this.#waited / 1000) * bytesPerSecond) {
      throw tooSlow(`${this.#size} bytes in ${Math.round(this.#waited)} ms`);
    }
    return came;
  }

  /**
   * Everything that is left, after `head`.
   * @throws ClickHouseError 223 (413) where both together are longer than `most` bytes
   */
  async rest(head: readonly Buffer[] = [], most = Number.POSITIVE_INFINITY): Promise<Buffer> {
    const parts = [...head];
    let size = parts.reduce((sum, { length }) => sum + length, 0);
    for (let part = await this.next(); part !== undefined; part = await this.next()) {
      parts.push(part);
      size += part.length;
      if (size > most) break;
    }
    if (size > most) throw tooLarge(`The query is larger than ${most} bytes`);
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }
}

const tooLarge = (what: string): ClickHouseError => new ClickHouseError(ErrorCode.QUERY_IS_TOO_LARGE, what, 413);

const tooSlow = (what: string): ClickHouseError =>
  new ClickHouseError(ErrorCode.SOCKET_TIMEOUT, `The request's body comes too slowly: ${what}`, 408);

/**
 * Rows on their way into the engine, in a file: the engine reads it as a stream, so memory stays bounded and bytes stay
 * bytes. Writes are synchronous: they land in the page cache, and node's thread pool may be full of queries.
 */
export class UploadFile {
  readonly path: string;
  #descriptor: number | undefined;

  constructor(path: string) {
    this.path = path;
    this.#descriptor = openSync(path, 'wx', 0o600);
  }

  write(chunk: Uint8Array): void {
    for (let done = 0; done < chunk.length; ) done += writeSync(this.#descriptor!, chunk, done);
  }

  finish(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  remove(): void {
    this.finish();
    rmSync(this.path, { force: true });
  }
}
