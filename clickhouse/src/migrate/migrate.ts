import type { ClickHouseClient } from '@clickhouse/client';
import { definerStatements } from './definer.ts';
import { loadMigrations, type Migration } from './files.ts';
import {
  identifier,
  type ResolvedSchemaOptions,
  renderMigration,
  resolveSchemaOptions,
  type SchemaOptions,
} from './render.ts';
import { splitStatements } from './split.ts';
import { tuneStatements } from './tune.ts';

export interface MigrateOptions extends SchemaOptions {
  /** A client connected to a database that exists (not needed to be the target: every statement names its database). */
  readonly client: ClickHouseClient;
  /** Version to end at, up or down; 0 removes everything, the ledger included. Default: the newest. */
  readonly target?: number | undefined;
  /** Only say what would be done. */
  readonly dryRun?: boolean | undefined;
  /** Called before each migration is applied. */
  readonly onStep?: ((step: MigrationStep) => void) | undefined;
  /** Default: the package's own migrations. */
  readonly migrations?: readonly Migration[] | undefined;
}

export interface MigrationStep {
  readonly direction: 'up' | 'down' | 'tune';
  readonly version: number;
  readonly name: string;
  readonly statements: readonly string[];
}

export interface MigrateResult {
  /** Version before and after (after a dry run: the version it would have). */
  readonly from: number;
  readonly to: number;
  readonly steps: readonly MigrationStep[];
}

export interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
  readonly appliedAt: string;
}

/** A migration that was applied is no longer what lies on disk, or is unknown here. Nothing was changed. */
export class MigrationDriftError extends Error {
  override readonly name = 'MigrationDriftError';
}

/**
 * Brings the schema to `target`. Safe to run again and by several processes at once: every statement is idempotent and a
 * version counts as applied only after all its statements, and no more from the first one that takes it back. What was cut off either way is made
 * whole, or taken back, by the next run. Changed settings (retention, refresh interval) are applied to existing tables.
 *
 * @throws RangeError on an option that cannot be used, MigrationDriftError when an applied file was changed, the client's error otherwise.
 */
export async function migrate(options: MigrateOptions): Promise<MigrateResult> {
  const { client, dryRun = false, onStep, migrations = loadMigrations() } = options;
  const schema = resolveSchemaOptions(options);
  const newest = migrations.length;
  const target = options.target ?? newest;
  if (!Number.isInteger(target) || target < 0 || target > newest) {
    throw new RangeError(`target ${String(target)}: expected a whole number from 0 to ${newest}`);
  }
  const register = await registered(client, schema.database);
  checkDrift(register, migrations);
  const from = register.findLast(({ state }) => state === APPLIED)?.version ?? 0;
  const steps = plan(migrations, register, target, schema);
  if (target > 0) {
    const tune = from === 0 ? [] : await tuneStatements(client, schema);
    if (tune.length > 0) steps.push({ direction: 'tune', version: target, name: 'settings', statements: tune });
  }
  if (dryRun && target > 0 && from > 0) steps.push(...(await rightsStep(client, schema, target)));
  if (!dryRun) {
    if (target > 0 || register.length > 0) await createRegister(client, schema);
    for (const step of steps) {
      onStep?.(step);
      await apply(client, schema, step, migrations);
    }
    // After the views: new ones have no definer yet.
    for (const step of target > 0 ? await rightsStep(client, schema, target) : []) {
      await apply(client, schema, step, migrations);
      // With the first migrations it goes without saying.
      if (from > 0) steps.push(step);
    }
  }
  return { from, to: target, steps };
}

async function rightsStep(
  client: ClickHouseClient,
  schema: ResolvedSchemaOptions,
  version: number,
): Promise<MigrationStep[]> {
  const statements = await definerStatements(client, schema);
  return statements.length === 0 ? [] : [{ direction: 'tune', version, name: 'rights', statements }];
}

const TAKEN_BACK = 0;
const APPLIED = 1;
/** Some of its statements, up or down, may have been run. */
const BEGUN = 2;

interface Registered extends AppliedMigration {
  readonly state: typeof APPLIED | typeof BEGUN;
}

/** The migrations that the database has whole, lowest version first; empty when it has none or does not exist. */
export async function appliedMigrations(client: ClickHouseClient, database: string): Promise<AppliedMigration[]> {
  const register = await registered(client, database);
  return register.filter(({ state }) => state === APPLIED).map(({ state: _, ...row }) => row);
}

async function registered(client: ClickHouseClient, database: string): Promise<Registered[]> {
  const known = await rows<{ n: string }>(
    client,
    "SELECT count() AS n FROM system.tables WHERE database = {database:String} AND name = 'schema_migrations'",
    { database },
  );
  if (Number(known[0]?.n ?? 0) === 0) return [];
  const found = await rows<Omit<Registered, 'appliedAt'> & { applied: string }>(
    client,
    `SELECT version, name, checksum, toString(applied_at) AS applied, is_applied AS state FROM ${identifier(database)}.schema_migrations FINAL
     WHERE is_applied IN (1, 2) ORDER BY version`,
  );
  return found.map(({ applied, ...row }) => ({ ...row, appliedAt: applied }));
}

function checkDrift(register: readonly Registered[], migrations: readonly Migration[]): void {
  for (const row of register) {
    const file = migrations[row.version - 1];
    const label = `${String(row.version).padStart(4, '0')}_${row.name}`;
    if (file === undefined) {
      throw new MigrationDriftError(
        `the database has migration ${label}, which this version of client-cost does not know: update client-cost`,
      );
    }
    // One that was cut off may be the file that was put right since.
    if (row.state === APPLIED && file.checksum !== row.checksum) {
      throw new MigrationDriftError(
        `migration ${label} was applied on ${row.appliedAt} with another content than the file has now: restore the file and put the change into a new migration`,
      );
    }
  }
}

function plan(
  migrations: readonly Migration[],
  register: readonly Registered[],
  target: number,
  schema: ResolvedSchemaOptions,
): MigrationStep[] {
  const step = (direction: 'up' | 'down', { version, name, ...sql }: Migration): MigrationStep => ({
    direction,
    version,
    name,
    statements: splitStatements(renderMigration(sql[direction], schema)),
  });
  const states = new Map(register.map(({ version, state }) => [version, state]));
  // Behind one that was cut off all are run again: it may have put back what a later one had replaced.
  const first = register.find(({ state }) => state === BEGUN)?.version ?? Number.POSITIVE_INFINITY;
  const up = migrations.filter(({ version }) => version <= target && (version >= first || !states.has(version)));
  const down = migrations.filter(({ version }) => version > target && states.has(version)).reverse();
  return [...down.map((migration) => step('down', migration)), ...up.map((migration) => step('up', migration))];
}

async function createRegister(client: ClickHouseClient, schema: ResolvedSchemaOptions): Promise<void> {
  const sql = `
    CREATE DATABASE IF NOT EXISTS {{db}}{{on_cluster}};
    CREATE TABLE IF NOT EXISTS {{db}}.schema_migrations{{on_cluster}} (
      version UInt32,
      name String,
      checksum String,
      is_applied UInt8 COMMENT '1: applied, 0: taken back by a down migration, 2: begun, up or down',
      applied_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
    ) ENGINE = {{engine_everywhere:ReplacingMergeTree(applied_at)}}
    ORDER BY version`;
  for (const query of splitStatements(renderMigration(sql, schema))) await client.command({ query });
}

async function apply(
  client: ClickHouseClient,
  schema: ResolvedSchemaOptions,
  step: MigrationStep,
  migrations: readonly Migration[],
): Promise<void> {
  const { checksum } = migrations[step.version - 1]!;
  const counts = step.direction !== 'tune';
  if (counts) await mark(client, schema, { ...step, checksum, state: BEGUN });
  for (const query of step.statements) {
    try {
      await client.command({ query });
    } catch (error) {
      const label = `${String(step.version).padStart(4, '0')}_${step.name}.${step.direction}`;
      throw new Error(
        `migration ${label} failed: ${error instanceof Error ? error.message : String(error)}\n${query}`,
        {
          cause: error,
        },
      );
    }
  }
  if (counts) await mark(client, schema, { ...step, checksum, state: step.direction === 'up' ? APPLIED : TAKEN_BACK });
}

async function mark(
  client: ClickHouseClient,
  schema: ResolvedSchemaOptions,
  { version, name, checksum, state }: Omit<Registered, 'appliedAt' | 'state'> & { readonly state: number },
): Promise<void> {
  await client.command({
    query: `INSERT INTO ${identifier(schema.database)}.schema_migrations (version, name, checksum, is_applied)
      SELECT {version:UInt32}, {name:String}, {checksum:String}, {state:UInt8}`,
    query_params: { version, name, checksum, state },
  });
}

async function rows<T>(
  client: ClickHouseClient,
  query: string,
  query_params: Record<string, unknown> = {},
): Promise<T[]> {
  const result = await client.query({ query, query_params, format: 'JSONEachRow' });
  return result.json<T>();
}
