import { ConnectionSettingError } from '../client.ts';
import { readSecretFile } from '../secret-file.ts';
import type { Account } from './accounts.ts';
import type { AccountKind } from './rights.ts';

interface Names {
  /** `CLICKHOUSE_{prefix}_USER`, `…_PASSWORD`, `…_PASSWORD_FILE`. */
  readonly prefix: string;
  /** The user's name where the environment says nothing. */
  readonly user: string;
  /** What messages call it. */
  readonly called: string;
  readonly purpose: string;
}

/** The accounts that `client-cost migrate` makes, in this order. */
export const ACCOUNTS: Readonly<Record<AccountKind, Names>> = {
  writer: { prefix: 'WRITER', user: 'client_cost_writer', called: 'the writing user', purpose: 'for the Collector' },
  reader: { prefix: 'READER', user: 'grafana', called: 'the reading user', purpose: 'for Grafana' },
  operator: {
    prefix: 'OPERATOR',
    user: 'client_cost_operator',
    called: 'the operating user',
    purpose: 'for settle, reprice, measure, clients, backfill',
  },
  sms: { prefix: 'SMS', user: 'client_cost_sms', called: 'the SMS user', purpose: 'for the SMS service' },
};

export const ACCOUNT_KINDS = Object.keys(ACCOUNTS) as AccountKind[];

/** The reading user's name where CLICKHOUSE_READER_USER says nothing. */
export const DEFAULT_READER = ACCOUNTS.reader.user;

/** The name that an account has in this environment, whether or not there is a password for it. */
export function accountName(kind: AccountKind, env: NodeJS.ProcessEnv): string {
  return env[`CLICKHOUSE_${ACCOUNTS[kind].prefix}_USER`] || ACCOUNTS[kind].user;
}

/**
 * An account of the environment: `CLICKHOUSE_WRITER_USER` (or …_READER_…, …_OPERATOR_…, …_SMS_…) with `…_PASSWORD` or the file of
 * `…_PASSWORD_FILE`. Undefined without a password.
 *
 * @throws ConnectionSettingError for a file that cannot be read, is empty or no password
 */
export function accountOf(kind: AccountKind, env: NodeJS.ProcessEnv): Account | undefined {
  const name = accountName(kind, env);
  const variable = `CLICKHOUSE_${ACCOUNTS[kind].prefix}_PASSWORD`;
  const given = env[variable];
  if (given) return { name, password: given };
  const file = env[`${variable}_FILE`];
  if (!file) return undefined;
  try {
    return { name, password: readSecretFile(`${variable}_FILE`, file) };
  } catch (error) {
    throw new ConnectionSettingError((error as Error).message);
  }
}

/**
 * All accounts of the environment.
 *
 * @throws ConnectionSettingError for a password file, or where two accounts have one name: the second would take the first one's rights
 */
export function accountsOf(env: NodeJS.ProcessEnv): (Account & { readonly kind: AccountKind })[] {
  const found: (Account & { readonly kind: AccountKind })[] = [];
  for (const kind of ACCOUNT_KINDS) {
    const account = accountOf(kind, env);
    if (account === undefined) continue;
    const twin = found.find(({ name }) => name === account.name);
    if (twin !== undefined) {
      const [a, b] = [twin.kind, kind].map((one) => `CLICKHOUSE_${ACCOUNTS[one].prefix}_USER`);
      throw new ConnectionSettingError(
        `${a} and ${b} are both ${JSON.stringify(account.name)}: each needs a user of its own`,
      );
    }
    found.push({ ...account, kind });
  }
  return found;
}

/** The reading user of the environment (see `accountOf`). */
export const readerOf = (env: NodeJS.ProcessEnv): Account | undefined => accountOf('reader', env);
