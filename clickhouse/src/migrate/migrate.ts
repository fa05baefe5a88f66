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
 * version counts as applied only after all its statements. Changed settings (retention, refresh interval) are applied to existing tables.
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
  const applied = await appliedMigrations(client, schema.database);
  checkDrift(applied, migrations);
  const from = applied.at(-1)?.version ?? 0;
  const steps = plan(migrations, new Set(applied.map(({ version }) => version)), target, schema);
  if (target > 0) {
    const tune = from === 0 ? [] : await tuneStatements(client, schema);
    if (tune.length > 0) steps.push({ direction: 'tune', version: target, name: 'settings', statements: tune });
  }
  if (dryRun && target > 0 && from > 0) steps.push(...(await rightsStep(client, schema, target)));
  if (!dryRun) {
    if (target > 0 || applied.length > 0) await createRegister(client, schema);
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

/** The migrations that the database has, lowest version first; empty when it has none or does not exist. */
export async function appliedMigrations(client: ClickHouseClient, database: string): Promise<AppliedMigration[]> {
  const known = await rows<{ n: string }>(
    client,
    "SELECT count() AS n FROM system.tables WHERE database = {database:String} AND name = 'schema_migrations'",
    { database },
  );
  if (Number(known[0]?.n ?? 0) === 0) return [];
  const found = await rows<{ version: number; name: string; checksum: string; applied: string }>(
    client,
    `SELECT version, name, checksum, toString(applied_at) AS applied FROM ${identifier(database)}.schema_migrations FINAL
     WHERE is_applied = 1 ORDER BY version`,
  );
  return found.map(({ applied, ...row }) => ({ ...row, appliedAt: applied }));
}

function checkDrift(applied: readonly AppliedMigration[], migrations: readonly Migration[]): void {
  for (const row of applied) {
    const file = migrations[row.version - 1];
    const label = `${String(row.version).padStart(4, '0')}_${row.name}`;
    if (file === undefined) {
      throw new MigrationDriftError(
        `the database has migration ${label}, which this version of client-cost does not know: update client-cost`,
      );
    }
    if (file.checksum !== row.checksum) {
      throw new MigrationDriftError(
        `migration ${label} was applied on ${row.appliedAt} with another content than the file has now: restore the file and put the change into a new migration`,
      );
    }
  }
}

function plan(
  migrations: readonly Migration[],
  applied: ReadonlySet<number>,
  target: number,
  schema: ResolvedSchemaOptions,
): MigrationStep[] {
  const step = (direction: 'up' | 'down', { version, name, ...sql }: Migration): MigrationStep => ({
    direction,
    version,
    name,
    statements: splitStatements(renderMigration(sql[direction], schema)),
  });
  const up = migrations.filter(({ version }) => version <= target && !applied.has(version));
  const down = migrations.filter(({ version }) => version > target && applied.has(version)).reverse();
  return [...down.map((migration) => step('down', migration)), ...up.map((migration) => step('up', migration))];
}

async function createRegister(client: ClickHouseClient, schema: ResolvedSchemaOptions): Promise<void> {
  const sql = `
    CREATE DATABASE IF NOT EXISTS {{db}}{{on_cluster}};
    CREATE TABLE IF NOT EXISTS {{db}}.schema_migrations{{on_cluster}} (
      version UInt32,
      name String,
      checksum String,
      is_applied UInt8 COMMENT '0: taken back by a down migration',
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
  if (step.direction === 'tune') return;
  await client.command({
    query: `INSERT INTO ${identifier(schema.database)}.schema_migrations (version, name, checksum, is_applied)
      SELECT {version:UInt32}, {name:String}, {checksum:String}, {applied:UInt8}`,
    query_params: {
      version: step.version,
      name: step.name,
      checksum: migrations[step.version - 1]!.checksum,
      applied: step.direction === 'up' ? 1 : 0,
    },
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
