import { readFileSync } from 'node:fs';
import { ConnectionSettingError } from '../client.ts';
import type { Reader } from './reader.ts';

/** The reading user's name where CLICKHOUSE_READER_USER says nothing. */
export const DEFAULT_READER = 'grafana';

/**
 * The reading user of the environment: `CLICKHOUSE_READER_USER` (default grafana) with `CLICKHOUSE_READER_PASSWORD` or
 * `CLICKHOUSE_READER_PASSWORD_FILE` (its last line break is not part of it). Undefined without a password.
 *
 * @throws ConnectionSettingError for a file that cannot be read or is empty
 */
export function readerOf(env: NodeJS.ProcessEnv): Reader | undefined {
  const name = env.CLICKHOUSE_READER_USER || DEFAULT_READER;
  if (env.CLICKHOUSE_READER_PASSWORD) return { name, password: env.CLICKHOUSE_READER_PASSWORD };
  const file = env.CLICKHOUSE_READER_PASSWORD_FILE;
  if (!file) return undefined;
  let password: string;
  try {
    password = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new ConnectionSettingError(`CLICKHOUSE_READER_PASSWORD_FILE ${file}: ${(error as Error).message}`);
  }
  if (password === '') throw new ConnectionSettingError(`CLICKHOUSE_READER_PASSWORD_FILE ${file} is empty`);
  return { name, password };
}
