import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream';
import { decoder } from './compression.ts';
import { ClickHouseError, ErrorCode } from './errors.ts';

/** A request's body, decompressed, read piece by piece and never beyond `limit` bytes. */
export class Body {
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #limit: number;
  #size = 0;

  constructor(request: IncomingMessage, limit: number) {
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
      result = await this.#chunks.next();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ClickHouseError(ErrorCode.CANNOT_DECOMPRESS, `Cannot read the request's body: ${reason}`, 400);
    }
    if (result.done === true) return undefined;
    this.#size += result.value.length;
    if (this.#size > this.#limit) {
      throw new ClickHouseError(
        ErrorCode.QUERY_IS_TOO_LARGE,
        `The request's body is larger than ${this.#limit} bytes; send it in smaller parts`,
        413,
      );
    }
    return result.value;
  }

  /** Everything that is left, after `head`. */
  async rest(head: readonly Buffer[] = []): Promise<Buffer> {
    const parts = [...head];
    for (let part = await this.next(); part !== undefined; part = await this.next()) parts.push(part);
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }
}

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
