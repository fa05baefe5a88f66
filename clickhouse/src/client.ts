import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { DEFAULT_DATABASE } from './migrate/render.ts';
import { readSecretFile } from './secret-file.ts';
import { shownUrl } from './shown-url.ts';

export interface ConnectionOptions {
  /** ClickHouse HTTP interface. Default http://127.0.0.1:8123. */
  readonly url?: string | undefined;
  /** Default `default`. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** A file that holds the password (its last line break is not part of it). Used when `password` is unset. */
  readonly passwordFile?: string | undefined;
  /** Default `client_cost`. */
  readonly database?: string | undefined;
}

export interface Connection {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** A connection setting that cannot be used; the message names it. */
export class ConnectionSettingError extends Error {
  override readonly name = 'ConnectionSettingError';
}

/**
 * Completes the options from the environment (`CLICKHOUSE_URL`, `CLICKHOUSE_USER`, `CLICKHOUSE_PASSWORD`, `CLICKHOUSE_PASSWORD_FILE`,
 * `CLICKHOUSE_DATABASE`) and the defaults. Throws ConnectionSettingError.
 */
export function resolveConnection(options: ConnectionOptions = {}, env: NodeJS.ProcessEnv = process.env): Connection {
  const url = options.url ?? (env.CLICKHOUSE_URL || 'http://127.0.0.1:8123');
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new ConnectionSettingError(
      `CLICKHOUSE_URL ${JSON.stringify(shownUrl(url))}: expected the HTTP interface, like http://127.0.0.1:8123`,
    );
  }
  const parsed = new URL(url);
  if (parsed.username !== '' || parsed.password !== '') {
    throw new ConnectionSettingError(
      'CLICKHOUSE_URL holds a user or password: use CLICKHOUSE_USER and CLICKHOUSE_PASSWORD',
    );
  }
  return {
    url,
    user: options.user ?? (env.CLICKHOUSE_USER || 'default'),
    password: options.password ?? passwordOf(options.passwordFile, env),
    database: options.database ?? (env.CLICKHOUSE_DATABASE || DEFAULT_DATABASE),
  };
}

function passwordOf(file: string | undefined, env: NodeJS.ProcessEnv): string {
  const path = file ?? (env.CLICKHOUSE_PASSWORD ? undefined : env.CLICKHOUSE_PASSWORD_FILE);
  if (path === undefined || path === '') return env.CLICKHOUSE_PASSWORD ?? '';
  try {
    return readSecretFile('CLICKHOUSE_PASSWORD_FILE', path);
  } catch (error) {
    throw new ConnectionSettingError((error as Error).message);
  }
}

/** Decimals and 64-bit integers arrive as strings (no binary float ever holds an amount), invalid UTF-8 as replacement characters. */
const SETTINGS = {
  output_format_json_quote_decimals: 1,
  output_format_json_quote_64bit_integers: 1,
  output_format_json_validate_utf8: 1,
  date_time_output_format: 'iso',
} as const;

/**
 * A client for the query functions and for `migrate`. Close it with `close()`.
 *
 * @param connection from `resolveConnection`
 * @param database the database that unqualified names mean; `migrate` needs one that exists already: pass `'default'`
 */
export function createLedgerClient(connection: Connection, database: string = connection.database): ClickHouseClient {
  return createClient({
    url: connection.url,
    username: connection.user,
    password: connection.password,
    database,
    application: 'client-cost',
    request_timeout: 300_000,
    max_open_connections: 8,
    // Errors reach the caller; the client's own log would only repeat them on the terminal.
    log: { level: ClickHouseLogLevel.OFF },
    clickhouse_settings: SETTINGS,
  });
}
