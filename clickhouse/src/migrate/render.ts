/** What a migration may depend on: everything else in it is fixed. */
export interface SchemaOptions {
  /** Database name. Default `client_cost`. */
  readonly database?: string | undefined;
  /** Days that the Collector's own tables (otel_*) keep their rows; 0 keeps them for ever. Default 30. The ledger is never trimmed. */
  readonly retentionDays?: number | undefined;
  /** Seconds between two refreshes of the recent daily rollups. Default 60. */
  readonly refreshSeconds?: number | undefined;
  /** Seconds between two looks for charges that updates (later reports about a charge) belong to. Default 10. */
  readonly updateSeconds?: number | undefined;
  /** Seconds that an update waits for its charge before it becomes a charge of its own. Default 300. */
  readonly updateWaitSeconds?: number | undefined;
  /** Name of the ClickHouse cluster. Unset: one node. */
  readonly cluster?: string | undefined;
}

export interface ResolvedSchemaOptions {
  readonly database: string;
  readonly retentionDays: number;
  readonly refreshSeconds: number;
  readonly updateSeconds: number;
  readonly updateWaitSeconds: number;
  readonly cluster: string | undefined;
}

export const DEFAULT_DATABASE = 'client_cost';

/** Fills in the defaults. Throws a RangeError that names the option when a value cannot be used. */
export function resolveSchemaOptions(options: SchemaOptions): ResolvedSchemaOptions {
  const { database = DEFAULT_DATABASE, retentionDays = 30, refreshSeconds = 60, cluster } = options;
  const { updateSeconds = 10, updateWaitSeconds = 300 } = options;
  checkName('database', database);
  if (cluster !== undefined) checkName('cluster', cluster);
  checkWhole('retentionDays', retentionDays, 0, 36_500);
  checkWhole('refreshSeconds', refreshSeconds, 1, 86_400);
  checkWhole('updateSeconds', updateSeconds, 1, 60);
  checkWhole('updateWaitSeconds', updateWaitSeconds, 0, 86_400);
  return { database, retentionDays, refreshSeconds, updateSeconds, updateWaitSeconds, cluster };
}

function checkName(option: string, value: string): void {
  if (!/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/.test(value)) {
    throw new RangeError(
      `${option} ${JSON.stringify(value)}: expected letters, digits, _ and -, starting with a letter or _`,
    );
  }
}

function checkWhole(option: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${option} ${String(value)}: expected a whole number from ${min} to ${max}`);
  }
}

/** An identifier in backquotes. */
export function identifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

export const literal = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/**
 * Fills the placeholders of a migration. One text serves one node and a cluster:
 *
 * - `{{db}}` the database · `{{on_cluster}}` ` ON CLUSTER …` · `{{retention_days}}` · `{{refresh_seconds}}` · `{{update_seconds}}` ·
 *   `{{update_wait_seconds}}`
 * - `{{engine:X(args)}}` a table of one shard: X, or ReplicatedX of the shard
 * - `{{engine_everywhere:X(args)}}` a small table that every node holds whole: X, or ReplicatedX across all shards
 * - `{{local:t}}` the table that stores t's rows; `{{distributed:t:key}}` the statement that puts a Distributed t in front of it
 * - `{{alter_distributed:t:change}}` the statement that changes the columns of the Distributed t as well
 * - `{{read:t}}` the rows of t on all shards · `{{ttl:expr}}` the retention clause
 * - `{{define:name}}…{{enddefine}}` a text of this file, put in where `{{use:name}}` stands after it
 * - `{{no_block_dedup}}` switches off the deduplication of identical blocks: a block dropped at the door would never reach the views
 *
 * Throws on a placeholder it does not know.
 */
export function renderMigration(sql: string, options: ResolvedSchemaOptions): string {
  const texts = new Map<string, string>();
  const fill = (part: string): string =>
    part.replace(/\{\{use:(\w+)\}\}/g, (whole, name: string) => texts.get(name) ?? whole);
  const body = fill(
    sql.replace(/\{\{define:(\w+)\}\}\s*(.*?)\s*\{\{enddefine\}\}/gs, (_, name: string, text: string) => {
      texts.set(name, fill(text));
      return '';
    }),
  );
  return body.replace(/\{\{(\w+)(?::((?:[^{}]|\}(?!\}))*))?\}\}/g, (whole, name: string, argument = '') => {
    const render = placeholders[name];
    if (render === undefined) throw new Error(`unknown placeholder ${whole}`);
    return render(options, argument);
  });
}

type Render = (options: ResolvedSchemaOptions, argument: string) => string;

const placeholders: Record<string, Render> = {
  db: ({ database }) => identifier(database),
  on_cluster: onCluster,
  retention_days: ({ retentionDays }) => String(retentionDays),
  refresh_seconds: ({ refreshSeconds }) => String(refreshSeconds),
  update_seconds: ({ updateSeconds }) => String(updateSeconds),
  update_wait_seconds: ({ updateWaitSeconds }) => String(updateWaitSeconds),
  engine: ({ cluster }, engine) => (cluster === undefined ? engine : replicated(engine, '{shard}', '{replica}')),
  engine_everywhere: ({ cluster }, engine) =>
    cluster === undefined ? engine : replicated(engine, 'all', '{shard}-{replica}'),
  local: ({ cluster }, table) => (cluster === undefined ? table : `${table}_local`),
  distributed: (options, argument) => {
    const [table = '', key = ''] = argument.split(/:(.*)/s);
    const { database, cluster } = options;
    if (cluster === undefined) return '';
    const target = `${identifier(database)}.${table}`;
    return `CREATE TABLE IF NOT EXISTS ${target}${onCluster(options)} AS ${target}_local\nENGINE = Distributed(${literal(cluster)}, ${literal(database)}, ${literal(`${table}_local`)}, ${key});`;
  },
  alter_distributed: (options, argument) => {
    const [table = '', change = ''] = argument.split(/:(.*)/s);
    return options.cluster === undefined
      ? ''
      : `ALTER TABLE ${identifier(options.database)}.${table}${onCluster(options)} ${change};`;
  },
  drop_distributed: (options, table) =>
    options.cluster === undefined
      ? ''
      : `DROP TABLE IF EXISTS ${identifier(options.database)}.${table}${onCluster(options)} SYNC;`,
  read: ({ database, cluster }, table) =>
    cluster === undefined
      ? `${identifier(database)}.${table}`
      : `cluster(${literal(cluster)}, ${identifier(database)}.${table})`,
  ttl: ({ retentionDays }, expression) =>
    retentionDays === 0 ? '' : `TTL ${expression} + toIntervalDay(${retentionDays})`,
  no_block_dedup: ({ cluster }) => (cluster === undefined ? '' : ', replicated_deduplication_window = 0'),
};

function onCluster({ cluster }: ResolvedSchemaOptions): string {
  return cluster === undefined ? '' : ` ON CLUSTER ${identifier(cluster)}`;
}

function replicated(engine: string, shard: string, replica: string): string {
  const [, name = engine, args = ''] = /^(\w+)(?:\((.*)\))?$/s.exec(engine) ?? [];
  const own = args.trim() === '' ? '' : `, ${args}`;
  return `Replicated${name}('/clickhouse/tables/{uuid}/${shard}', '${replica}'${own})`;
}
