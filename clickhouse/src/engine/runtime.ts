import { randomUUID } from 'node:crypto';
import type { NativeAddon } from './addon.ts';
import type { Accounts } from './auth.ts';
import { roleOf } from './config.ts';
import { Connection } from './connection.ts';
import { ClickHouseError, ErrorCode } from './errors.ts';
import type { RequestParams } from './params.ts';
import { literal } from './sql.ts';
import type { EngineLogger, EngineUser } from './types.ts';

/** Settings that a readonly user may give with a request; others may not change under `readonly = 1`. */
const CHANGEABLE_IN_READONLY = new Set(['max_execution_time']);

export interface RuntimeOptions {
  readonly addon: NativeAddon;
  readonly store: string;
  readonly uploads: string;
  readonly accounts: Accounts;
  readonly control: Connection;
  readonly version: string;
  readonly timezone: string;
  readonly displayName: string;
  readonly maxBodyBytes: number;
  readonly maxConcurrent: number;
  readonly logger: EngineLogger;
}

/** A connection for one request, as its user may use it. */
export interface Lease {
  readonly connection: Connection;
  /** Stops what runs on the connection; its promise then fails with code 394. */
  cancel(): void;
  close(): Promise<void>;
}

/** What all requests share. */
export class Runtime {
  readonly uploads: string;
  readonly accounts: Accounts;
  readonly version: string;
  readonly timezone: string;
  readonly displayName: string;
  readonly maxBodyBytes: number;
  readonly #options: RuntimeOptions;
  #running = 0;
  #closing = false;
  #onIdle: (() => void) | undefined;

  constructor(options: RuntimeOptions) {
    this.#options = options;
    this.uploads = options.uploads;
    this.accounts = options.accounts;
    this.version = options.version;
    this.timezone = options.timezone;
    this.displayName = options.displayName;
    this.maxBodyBytes = options.maxBodyBytes;
  }

  /** Counts a request in; the returned function counts it out. @throws ClickHouseError 202 when there are too many. */
  enter(): () => void {
    if (this.#closing) throw new ClickHouseError(ErrorCode.ABORTED, 'The engine is shutting down', 503);
    if (this.#running >= this.#options.maxConcurrent) {
      throw new ClickHouseError(
        ErrorCode.TOO_MANY_SIMULTANEOUS_QUERIES,
        `Too many simultaneous queries. Maximum: ${this.#options.maxConcurrent}`,
      );
    }
    this.#running++;
    return () => {
      this.#running--;
      if (this.#running === 0) this.#onIdle?.();
    };
  }

  /** Opens a connection with the request's database, parameters and settings, and the user's role, in that order. */
  async open(user: EngineUser, params: RequestParams): Promise<Lease> {
    const connection = new Connection(this.#options.addon, this.#options.store);
    try {
      const marker = randomUUID();
      await this.#prepare(connection, user, params, marker);
      return { connection, cancel: () => void this.#cancel(marker), close: () => connection.close() };
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** Refuses new requests and waits for running ones, at most `milliseconds`; then cancels what still runs. */
  async drain(milliseconds: number): Promise<void> {
    this.#closing = true;
    if (this.#running === 0) return;
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    const timer = setTimeout(() => {
      this.#options.logger.warn(`${this.#running} queries still run after ${milliseconds} ms; cancelling them`);
      void this.#options.control
        .query('KILL QUERY WHERE query_id != currentQueryID() ASYNC', 'Null')
        .catch(() => undefined);
    }, milliseconds);
    await idle;
    clearTimeout(timer);
  }

  async #prepare(connection: Connection, user: EngineUser, params: RequestParams, marker: string): Promise<void> {
    // The marker finds the query again in system.processes: the engine lets nobody choose a query id.
    const values = new Map<string, string>([['query_cache_tag', marker]]);
    for (const [name, value] of params.settings) {
      if (user.readonly === true && !CHANGEABLE_IN_READONLY.has(name)) {
        throw new ClickHouseError(ErrorCode.READONLY, `Cannot modify '${name}' setting in readonly mode.`);
      }
      values.set(name, value);
    }
    for (const [name, value] of params.parameters) values.set(`param_${name}`, value);
    await connection.useRole(roleOf(user));
    if (params.database !== undefined && params.database !== 'default') await connection.useDatabase(params.database);
    if (user.readonly === true) values.set('readonly', '1');
    await connection.set(values);
  }

  async #cancel(marker: string): Promise<void> {
    const sql = `KILL QUERY WHERE Settings['query_cache_tag'] = ${literal(marker)} ASYNC`;
    await this.#options.control.query(sql, 'Null').catch((error: Error) => this.#options.logger.warn(error.message));
  }
}
