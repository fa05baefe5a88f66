import { ClickHouseError } from '@clickhouse/client';
import { type Connection, ConnectionSettingError } from '../client.ts';
import { QueryInputError } from '../queries/index.ts';
import { shownUrl } from '../shown-url.ts';

/** What a script can tell from the command's exit code. */
export const EXIT = { ok: 0, problem: 1, usage: 2, connection: 3 } as const;

/** Ends the command with a message and an exit code. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.problem) {
    super(message);
    this.exitCode = exitCode;
  }
}

const WRONG_LOGIN = new Set(['192', '193', '194', '516']);
const NOT_MIGRATED = new Set(['60', '81']);
const NETWORK =
  /^(ECONN|ENOTFOUND|EAI_AGAIN|EHOST|ENET|ETIMEDOUT|EPIPE|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL)/;

/** Turns any error into what went wrong and the way out. */
export function explain(error: unknown, connection?: Connection): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof QueryInputError || error instanceof ConnectionSettingError || error instanceof RangeError) {
    return new CliError(error.message, EXIT.usage);
  }
  const cause = rootCause(error);
  const message = error instanceof Error ? error.message : String(error);
  if (cause instanceof ClickHouseError) {
    if (WRONG_LOGIN.has(cause.code)) {
      return new CliError(
        `ClickHouse at ${shownUrl(connection?.url ?? '')} does not accept user ${connection?.user} with this password: check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD (or CLICKHOUSE_PASSWORD_FILE)`,
        EXIT.connection,
      );
    }
    if (NOT_MIGRATED.has(cause.code)) {
      return new CliError(
        `database ${connection?.database} has not all tables (${firstLine(message)}): run "client-cost migrate"`,
      );
    }
    if (cause.code === '497') {
      return new CliError(`user ${connection?.user} lacks a right: ${firstLine(message)}`);
    }
    return new CliError(`ClickHouse: ${message} (code ${cause.code})`);
  }
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (NETWORK.test(code) || /^Timeout error|socket hang up|fetch failed/.test(message)) {
    return new CliError(
      `cannot reach ClickHouse at ${shownUrl(connection?.url ?? '')} (${code || message}): is it running, and is CLICKHOUSE_URL right? "client-cost start" runs one on this machine`,
      EXIT.connection,
    );
  }
  return new CliError(message);
}

/** AggregateError (several addresses tried) and wrapped errors keep the telling one inside. */
function rootCause(error: unknown): unknown {
  if (error instanceof ClickHouseError) return error;
  if (error instanceof AggregateError && error.errors.length > 0) return rootCause(error.errors[0]);
  if (error instanceof Error && error.cause !== undefined) return rootCause(error.cause);
  return error;
}

const firstLine = (text: string): string => text.split('\n')[0]!.slice(0, 200);
