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

  /**
   * Puts the connection into a request's state, in this order: role, database, then values (settings; a parameter is
   * `param_<name>`). Names of values are checked by the caller; everything else is quoted here.
   */
  async prepare(state: {
    readonly role?: string;
    readonly database?: string | undefined;
    readonly values: ReadonlyMap<string, string>;
  }): Promise<void> {
    const statements: string[] = [];
    if (state.role !== undefined) statements.push(`SET ROLE ${identifier(state.role)}`);
    if (state.database !== undefined) statements.push(`USE ${identifier(state.database)}`);
    if (state.values.size > 0) {
      statements.push(`SET ${[...state.values].map(([name, value]) => `${name} = ${literal(value)}`).join(', ')}`);
    }
    if (statements.length > 0) await this.query(statements.join('; '), 'Null');
  }

  /** The present values of settings; a name that is no setting is left out. */
  async settings(names: readonly string[]): Promise<Map<string, string>> {
    const sql = `SELECT name, value FROM system.settings WHERE name IN (${names.map(literal).join(', ')})`;
    const { bytes } = await this.query(sql, 'JSONCompact');
    return new Map((JSON.parse(Buffer.from(bytes).toString('utf8')) as { data: [string, string][] }).data);
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
