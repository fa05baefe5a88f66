import type { ClickHouseClient } from '@clickhouse/client';
import type { Command } from 'commander';
import { type Connection, type ConnectionOptions, createLedgerClient, resolveConnection } from '../client.ts';
import { explain } from './exit.ts';
import type { CliIo } from './io.ts';

/** Adds the connection options. The password has none: everybody on the machine can read a command line. */
export function withConnectionOptions(command: Command): Command {
  return command
    .option('--url <url>', 'ClickHouse HTTP interface (CLICKHOUSE_URL, default http://127.0.0.1:8123)')
    .option('--user <name>', 'user (CLICKHOUSE_USER, default "default"); the password comes from CLICKHOUSE_PASSWORD')
    .option('--password-file <file>', 'file that holds the password (CLICKHOUSE_PASSWORD_FILE)')
    .option('--database <name>', 'database (CLICKHOUSE_DATABASE, default client_cost)');
}

/**
 * Runs `work` with a client and closes it. Errors come out as CliError with the connection's own words.
 *
 * @param database what unqualified names mean: `default` for work that must not need the ledger's database
 */
export async function useClient<T>(
  io: CliIo,
  options: ConnectionOptions,
  work: (client: ClickHouseClient, connection: Connection) => Promise<T>,
  database?: string,
): Promise<T> {
  let connection: Connection | undefined;
  let client: ClickHouseClient | undefined;
  try {
    connection = resolveConnection(options, io.env);
    client = createLedgerClient(connection, database);
    return await work(client, connection);
  } catch (error) {
    throw explain(error, connection);
  } finally {
    await client?.close();
  }
}
