import { createHash, randomBytes } from 'node:crypto';
import { type ClickHouseClient, ClickHouseError } from '@clickhouse/client';
import { identifier, literal, type ResolvedSchemaOptions, resolveSchemaOptions, type SchemaOptions } from './render.ts';

/** The user that Grafana reads with. */
export interface Reader {
  readonly name: string;
  readonly password: string;
}

export interface ReaderOptions extends Pick<SchemaOptions, 'database' | 'cluster'> {
  readonly client: ClickHouseClient;
  readonly reader: Reader;
  /** Only say what would be done. */
  readonly dryRun?: boolean | undefined;
}

export interface ReaderResult {
  /** `no-sql-users`: this server takes no users by SQL, as the embedded engine, which has a reading user of its own. */
  readonly outcome: 'made' | 'would-make' | 'no-sql-users';
  /** What was (or would be) run, with the password's hash blotted out. */
  readonly statements: readonly string[];
}

/** The reader cannot be made; the message says why and never holds the password, its hash or the statement. */
export class ReaderError extends Error {
  override readonly name = 'ReaderError';
}

/**
 * What a query of the reader may take. The plugin's client sends `max_execution_time` with every query (its time-out and
 * 5 s, 65 by default), so that one may be changed although the user is read-only; nothing else may.
 */
const SETTINGS = [
  'readonly = 1',
  'max_execution_time = 60 MIN 1 MAX 300 CHANGEABLE_IN_READONLY',
  // A panel shows hundreds of rows; the ledger's intake must not suffer from someone's SELECT *.
  'max_result_rows = 100000',
  'max_memory_usage = 4294967296',
  'max_concurrent_queries_for_user = 64',
].join(', ');

/** What the plugin's query builder lists; each shows only what its reader may see. Dashboards and rules read the ledger alone. */
const SYSTEM_TABLES = ['databases', 'tables', 'columns'];

/** The storages of users that SQL can write to. */
const WRITABLE = ['local_directory', 'replicated', 'memory'];

/** CREATE USER is refused by itself (497), or by a server without SQL access control (514, 48). */
const ACCESS_DENIED = '497';

/**
 * The statements that make `reader` on a server, or bring it to this password, these limits and rights; each may be run again.
 * The password goes out as a salted SHA-256, so that neither the server's query log nor an error can hold it.
 *
 * @throws RangeError for a name or password that cannot be used
 */
export function readerStatements(
  reader: Reader,
  schema: ResolvedSchemaOptions,
  salt: string = randomBytes(16).toString('hex').toUpperCase(),
): string[] {
  checkReader(reader);
  const user = identifier(reader.name);
  const hash = createHash('sha256').update(reader.password).update(salt).digest('hex').toUpperCase();
  const cluster = schema.cluster === undefined ? '' : ` ON CLUSTER ${identifier(schema.cluster)}`;
  const identified = `IDENTIFIED WITH sha256_hash BY ${literal(hash)} SALT ${literal(salt)}`;
  const grant = (what: string) => `GRANT${cluster} ${what} TO ${user}`;
  return [
    `CREATE USER IF NOT EXISTS ${user}${cluster} ${identified} SETTINGS ${SETTINGS}`,
    `ALTER USER ${user}${cluster} ${identified} SETTINGS ${SETTINGS}`,
    grant(`SELECT ON ${identifier(schema.database)}.*`),
    ...SYSTEM_TABLES.map((table) => grant(`SELECT ON system.${table}`)),
    // A view over all shards reads by cluster(); remote() to other hosts would need CREATE TEMPORARY TABLE as well.
    ...(schema.cluster === undefined ? [] : [grant('REMOTE ON *.*')]),
  ];
}

function checkReader({ name, password }: Reader): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (name === '' || name.length > 64 || /[\u0000-\u001f\u007f:]/.test(name)) {
    throw new RangeError(
      `CLICKHOUSE_READER_USER ${JSON.stringify(name.slice(0, 80))}: expected 1 to 64 characters, no colon and no control characters`,
    );
  }
  if (password === '') throw new RangeError('CLICKHOUSE_READER_PASSWORD is empty: give the reading user a password');
}

/**
 * Makes or updates the reader on a ClickHouse server (in the cluster form on all of its nodes); on a server that takes no
 * users by SQL it does nothing and says so.
 *
 * @throws RangeError for a setting that cannot be used, ReaderError when the server refuses
 */
export async function ensureReader(options: ReaderOptions): Promise<ReaderResult> {
  const { client, reader, dryRun = false } = options;
  const schema = resolveSchemaOptions(options);
  const statements = readerStatements(reader, schema);
  const shown = statements.map(blot);
  const self = await oneValue(client, 'SELECT currentUser() AS value');
  if (self === reader.name) {
    throw new RangeError(
      `CLICKHOUSE_READER_USER ${JSON.stringify(reader.name)} is the user that migrates: it would become read-only. Name another one`,
    );
  }
  if (!(await takesUsers(client))) return { outcome: 'no-sql-users', statements: [] };
  if (dryRun) return { outcome: 'would-make', statements: shown };
  for (const [i, query] of statements.entries()) {
    try {
      await client.command({ query });
    } catch (error) {
      throw new ReaderError(explain(error, reader.name, shown[i]!, self));
    }
  }
  return { outcome: 'made', statements: shown };
}

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
function explain(error: unknown, name: string, statement: string, self: string): string {
  const what = statement.split(' ').slice(0, 2).join(' ');
  if (!(error instanceof ClickHouseError)) {
    return `the reading user ${JSON.stringify(name)}: ${what} failed: ${(error as Error).message}`;
  }
  if (error.code !== ACCESS_DENIED) {
    return `the reading user ${JSON.stringify(name)}: ${what} failed with ClickHouse's error ${error.code} (${error.type ?? 'no name'})`;
  }
  const right = /necessary to have the grant ([A-Z ]+(?:\([\w, ]*\))? ON [\w.*`]+)/.exec(error.message)?.[1];
  return (
    `the reading user ${JSON.stringify(name)}: ${what} needs a right that ${JSON.stringify(self)} lacks` +
    `${right === undefined ? '' : `: ${right}`}. Give it access management, or make the user by hand (docs/grafana-import.md) and ` +
    'leave CLICKHOUSE_READER_PASSWORD out here'
  );
}
