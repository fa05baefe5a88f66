import { createHash, randomBytes } from 'node:crypto';
import { type ClickHouseClient, ClickHouseError } from '@clickhouse/client';
import { ACCOUNTS } from './accounts-env.ts';
import { identifier, literal, type ResolvedSchemaOptions, resolveSchemaOptions, type SchemaOptions } from './render.ts';
import { type AccountKind, limitsOf, rightsOf } from './rights.ts';

export interface Account {
  readonly name: string;
  readonly password: string;
}

/** The user that Grafana reads with. */
export type Reader = Account;

export interface AccountOptions extends Pick<SchemaOptions, 'database' | 'cluster'> {
  readonly client: ClickHouseClient;
  readonly kind: AccountKind;
  readonly account: Account;
  /** Only say what would be done. */
  readonly dryRun?: boolean | undefined;
}

export interface ReaderOptions extends Omit<AccountOptions, 'kind' | 'account'> {
  readonly reader: Reader;
}

export interface AccountResult {
  /** `no-sql-users`: this server takes no users by SQL, as the embedded engine, which has users of its own. */
  readonly outcome: 'made' | 'would-make' | 'no-sql-users';
  /** What was (or would be) run, with the password's hash blotted out. */
  readonly statements: readonly string[];
}

export type ReaderResult = AccountResult;

/** An account cannot be made; the message says why and never holds the password, its hash or the statement. */
export class AccountError extends Error {
  override readonly name = 'AccountError';
}

/** The storages of users that SQL can write to. */
const WRITABLE = ['local_directory', 'replicated', 'memory'];

/** CREATE USER is refused by itself (497), or by a server without SQL access control (514, 48). */
const ACCESS_DENIED = '497';

/**
 * The statements that make an account on a server, or bring it to this password, these limits and rights; each may be run again.
 * The password goes out as a salted SHA-256, so that neither the server's query log nor an error can hold it. Rights that an account had
 * before are replaced, in one step, by those it has here; the reader keeps them: that user may be shared with other dashboards.
 *
 * @throws RangeError for a name or password that cannot be used
 */
export function accountStatements(
  kind: AccountKind,
  account: Account,
  schema: ResolvedSchemaOptions,
  salt: string = randomBytes(16).toString('hex').toUpperCase(),
): string[] {
  checkAccount(kind, account);
  const user = identifier(account.name);
  const hash = createHash('sha256').update(account.password).update(salt).digest('hex').toUpperCase();
  const cluster = schema.cluster === undefined ? '' : ` ON CLUSTER ${identifier(schema.cluster)}`;
  const limits = limitsOf(kind);
  const identified =
    `${cluster} IDENTIFIED WITH sha256_hash BY ${literal(hash)} SALT ${literal(salt)}` +
    (limits.length === 0 ? '' : ` SETTINGS ${limits.join(', ')}`);
  const users = [`CREATE USER IF NOT EXISTS ${user}${identified}`, `ALTER USER ${user}${identified}`];
  const rights = rightsOf(kind, schema);
  if (kind === 'reader') return [...users, ...rights.map((right) => `GRANT${cluster} ${right} TO ${user}`)];
  return [...users, `GRANT${cluster} ${rights.join(', ')} TO ${user} WITH REPLACE OPTION`];
}

export const readerStatements = (reader: Reader, schema: ResolvedSchemaOptions, salt?: string): string[] =>
  accountStatements('reader', reader, schema, salt);

function checkAccount(kind: AccountKind, { name, password }: Account): void {
  const { prefix, called } = ACCOUNTS[kind];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (name === '' || name.length > 64 || /[\u0000-\u001f\u007f:]/.test(name)) {
    throw new RangeError(
      `CLICKHOUSE_${prefix}_USER ${JSON.stringify(name.slice(0, 80))}: expected 1 to 64 characters, no colon and no control characters`,
    );
  }
  if (password === '') throw new RangeError(`CLICKHOUSE_${prefix}_PASSWORD is empty: give ${called} a password`);
}

/**
 * Makes or updates an account on a ClickHouse server (in the cluster form on all of its nodes); on a server that takes no
 * users by SQL it does nothing and says so.
 *
 * @throws RangeError for a setting that cannot be used, AccountError when the server refuses
 */
export async function ensureAccount(options: AccountOptions): Promise<AccountResult> {
  const { client, kind, account, dryRun = false } = options;
  const statements = accountStatements(kind, account, resolveSchemaOptions(options));
  const shown = statements.map(blot);
  const self = await oneValue(client, 'SELECT currentUser() AS value');
  if (self === account.name) {
    throw new RangeError(
      `CLICKHOUSE_${ACCOUNTS[kind].prefix}_USER ${JSON.stringify(account.name)} is the user that migrates: it would lose its rights${
        kind === 'reader' ? ' and become read-only' : ''
      }. Name another one`,
    );
  }
  if (!(await takesUsers(client))) return { outcome: 'no-sql-users', statements: [] };
  if (dryRun) return { outcome: 'would-make', statements: shown };
  for (const [i, query] of statements.entries()) {
    try {
      await client.command({ query });
    } catch (error) {
      throw new AccountError(explain(error, kind, account.name, shown[i]!, self));
    }
  }
  return { outcome: 'made', statements: shown };
}

export const ensureReader = ({ reader, ...options }: ReaderOptions): Promise<AccountResult> =>
  ensureAccount({ ...options, kind: 'reader', account: reader });

/** Whether the server keeps users that SQL made. The embedded engine has a file of users only, as some servers. */
async function takesUsers(client: ClickHouseClient): Promise<boolean> {
  const types = WRITABLE.map(literal).join(', ');
  try {
    const sql = `SELECT toString(count()) AS value FROM system.user_directories WHERE type IN (${types})`;
    return (await oneValue(client, sql)) !== '0';
  } catch (error) {
    // Not everybody who may create users may see where they are kept.
    if (error instanceof ClickHouseError && error.code === ACCESS_DENIED) return true;
    throw error;
  }
}

async function oneValue(client: ClickHouseClient, query: string): Promise<string> {
  const result = await client.query({ query, format: 'JSONEachRow' });
  return (await result.json<{ value: string }>())[0]?.value ?? '';
}

/** The statement without hash and salt. */
function blot(statement: string): string {
  return statement.replace(/\bBY '[0-9A-F]*' SALT '[^']*'/, "BY '…' SALT '…'");
}

/** ClickHouse may quote the statement in its error: of its words only the code and what right is missing are passed on. */
function explain(error: unknown, kind: AccountKind, name: string, statement: string, self: string): string {
  const { called, prefix } = ACCOUNTS[kind];
  const [verb, object] = statement.split(' ');
  const what = `${called} ${JSON.stringify(name)}: ${verb === 'GRANT' ? verb : `${verb} ${object}`}`;
  if (!(error instanceof ClickHouseError)) return `${what} failed: ${(error as Error).message}`;
  if (error.code !== ACCESS_DENIED) {
    return `${what} failed with ClickHouse's error ${error.code} (${error.type ?? 'no name'})`;
  }
  const right = /necessary to have the grant ([A-Z ]+(?:\([\w, ]*\))? ON [\w.*`]+)/.exec(error.message)?.[1];
  return (
    `${what} needs a right that ${JSON.stringify(self)} lacks${right === undefined ? '' : `: ${right}`}. ` +
    `Give it access management, or make the user by hand (docs/security.md) and leave CLICKHOUSE_${prefix}_PASSWORD out here`
  );
}
