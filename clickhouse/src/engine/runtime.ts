import { randomUUID } from 'node:crypto';
import type { NativeAddon } from './addon.ts';
import type { Accounts } from './auth.ts';
import { roleOf } from './config.ts';
import { Connection } from './connection.ts';
import { ClickHouseError, ErrorCode } from './errors.ts';
import type { RequestParams } from './params.ts';
import { Sessions } from './sessions.ts';
import { literal } from './sql.ts';
import type { EngineLogger, EngineUser } from './types.ts';

/** Settings that a readonly user may give with a request (Grafana's plugin sends these); `readonly = 1` bars all others. */
const CHANGEABLE_IN_READONLY = new Set([
  'max_execution_time',
  'limit',
  // How an answer is written, which the client-cost command asks for; the migrations let a server's reader change the same.
  'output_format_json_quote_decimals',
  'output_format_json_quote_64bit_integers',
  'output_format_json_validate_utf8',
  'date_time_output_format',
]);

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
  readonly #sessions = new Sessions();

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

  /** Opens a connection in the request's state; the request's session, if it names one, keeps its connection. */
  async open(user: EngineUser, params: RequestParams): Promise<Lease> {
    const marker = randomUUID();
    const values = requestValues(user, params, marker);
    const cancel = () => void this.#cancel(marker);
    // A readonly connection cannot be given another request's parameters and limits: such requests have no session.
    if (params.sessionId !== undefined && user.readonly !== true && !params.readOnlyMethod) {
      return { ...(await this.#openSession(user, params, params.sessionId, values)), cancel };
    }
    const connection = this.#connect();
    try {
      await connection.prepare({ role: roleOf(user), database: params.database, values });
    } catch (error) {
      await connection.close();
      throw error;
    }
    return { connection, cancel, close: () => connection.close() };
  }

  /** Refuses new requests and waits for running ones, at most `milliseconds`; then cancels what still runs. */
  async drain(milliseconds: number): Promise<void> {
    this.#closing = true;
    if (this.#running > 0) await this.#idle(milliseconds);
    await this.#sessions.close();
  }

  async #idle(milliseconds: number): Promise<void> {
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

  async #openSession(user: EngineUser, params: RequestParams, id: string, values: Map<string, string>) {
    const key = `${user.name}\n${id}`;
    let connection = this.#sessions.take(key, id, params.sessionCheck);
    if (connection === undefined) {
      connection = this.#connect();
      this.#sessions.add(key, connection);
    }
    const opened = connection;
    let before = new Map<string, string>();
    const close = async () => {
      // The request's settings were the query's alone; what the session itself SET stays.
      await opened.prepare({ values: before }).catch(() => undefined);
      this.#sessions.give(key, params.sessionTimeout);
    };
    try {
      before = await opened.settings([...values.keys()].filter((name) => !name.startsWith('param_')));
      await opened.prepare({ role: roleOf(user), database: params.database, values });
    } catch (error) {
      await close();
      throw error;
    }
    return { connection: opened, close };
  }

  #connect(): Connection {
    return new Connection(this.#options.addon, this.#options.store);
  }

  async #cancel(marker: string): Promise<void> {
    const sql = `KILL QUERY WHERE Settings['query_cache_tag'] = ${literal(marker)} ASYNC`;
    await this.#options.control.query(sql, 'Null').catch((error: Error) => this.#options.logger.warn(error.message));
  }
}

/** Settings and parameters of one request. @throws ClickHouseError 164 for a setting that its user may not change. */
function requestValues(user: EngineUser, params: RequestParams, marker: string): Map<string, string> {
  // The marker finds the query again in system.processes: the engine lets nobody choose a query id.
  const values = new Map<string, string>([['query_cache_tag', marker]]);
  for (const [name, value] of params.settings) {
    if (user.readonly === true && !CHANGEABLE_IN_READONLY.has(name)) {
      throw new ClickHouseError(ErrorCode.READONLY, `Cannot modify '${name}' setting in readonly mode.`);
    }
    values.set(name, value);
  }
  for (const [name, value] of params.parameters) values.set(`param_${name}`, value);
  if (user.readonly === true) values.set('readonly', '1');
  // As on a server: GET reads, and may bring settings.
  else if (params.readOnlyMethod && !values.has('readonly')) values.set('readonly', '2');
  return values;
}
