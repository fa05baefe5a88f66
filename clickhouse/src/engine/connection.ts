import type { ConnectionHandle, NativeAddon, NativeChunk, StreamHandle } from './addon.ts';
import { fromEngine } from './errors.ts';
import { identifier, literal } from './sql.ts';

/** What a statement did, as far as the engine says. */
export interface Outcome {
  readonly bytes: Uint8Array;
  readonly readRows: number;
  readonly readBytes: number;
  readonly writtenRows: number;
  readonly writtenBytes: number;
}

const NOTHING = new Uint8Array(0);

/**
 * One connection to the engine in this process: settings, parameters, role and current database of one request.
 * Opening one takes half a millisecond, so each request has its own and none can see another's state. Closing a connection
 * while the engine still works on it would stop the engine for good: `close` waits for that.
 */
export class Connection {
  readonly #addon: NativeAddon;
  readonly #handle: ConnectionHandle;
  #running: Promise<unknown> = Promise.resolve();
  #stream: StreamHandle | undefined;
  #closed = false;

  constructor(addon: NativeAddon, path: string, args?: readonly string[]) {
    this.#addon = addon;
    this.#handle = args === undefined ? addon.CreateConnection(path) : addon.CreateConnection(path, args);
  }

  /** Runs one statement to its end; the whole answer is in memory. */
  async query(sql: string, format: string): Promise<Outcome> {
    const result = await this.#track(this.#addon.QueryAsyncConnection(this.#handle, sql, format));
    return {
      bytes: result.bytes ?? NOTHING,
      readRows: result.rowsRead,
      readBytes: result.bytesRead,
      writtenRows: 0,
      writtenBytes: 0,
    };
  }

  /** Runs `INSERT …` followed by `data`; an insert whose rows are elsewhere has empty data. */
  async insert(sql: string, data: Uint8Array): Promise<Outcome> {
    const result = await this.#track(this.#addon.InsertRawAsyncConnection(this.#handle, sql, data, false));
    return {
      bytes: NOTHING,
      readRows: result.rowsWritten,
      readBytes: result.bytesWritten,
      writtenRows: result.rowsWritten,
      writtenBytes: result.bytesWritten,
    };
  }

  /** Streams a SELECT; a chunk has at most one block of rows. Leaving the loop early cancels the query. */
  async *stream(sql: string, format: string): AsyncGenerator<NativeChunk, void, undefined> {
    try {
      this.#stream = this.#addon.StreamQuery(this.#handle, sql, format);
    } catch (error) {
      throw fromEngine(error);
    }
    let done = false;
    try {
      for (;;) {
        const chunk = await this.#track(this.#addon.StreamFetch(this.#stream));
        if (chunk.done) {
          done = true;
          return;
        }
        yield chunk;
      }
    } catch (error) {
      done = true;
      throw error;
    } finally {
      if (!done) this.#addon.StreamCancel(this.#stream);
      this.#stream = undefined;
    }
  }

  /** Sets values for this connection. Names are checked by the caller; values are quoted here. */
  async set(values: ReadonlyMap<string, string>): Promise<void> {
    if (values.size === 0) return;
    await this.query(`SET ${[...values].map(([name, value]) => `${name} = ${literal(value)}`).join(', ')}`, 'Null');
  }

  async useDatabase(name: string): Promise<void> {
    await this.query(`USE ${identifier(name)}`, 'Null');
  }

  async useRole(name: string): Promise<void> {
    await this.query(`SET ROLE ${identifier(name)}`, 'Null');
  }

  /** Releases the connection once the engine has let go of it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#running.catch(() => undefined);
    this.#addon.CloseConnection(this.#handle);
  }

  async #track<T>(operation: Promise<T>): Promise<T> {
    this.#running = operation;
    try {
      return await operation;
    } catch (error) {
      throw fromEngine(error);
    }
  }
}
