import type { ClickHouseClient } from '@clickhouse/client';
import { identifier, type ResolvedSchemaOptions, renderMigration } from './render.ts';

/** The time column that each of the Collector's tables is trimmed by. */
const RETENTION: Record<string, string> = {
  otel_logs: 'toDateTime(Timestamp)',
  otel_traces: 'toDateTime(Timestamp)',
  otel_traces_trace_id_ts: 'toDateTime(Start)',
  otel_metrics_gauge: 'toDateTime(TimeUnix)',
  otel_metrics_sum: 'toDateTime(TimeUnix)',
  otel_metrics_summary: 'toDateTime(TimeUnix)',
  otel_metrics_histogram: 'toDateTime(TimeUnix)',
  otel_metrics_exponential_histogram: 'toDateTime(TimeUnix)',
};

/**
 * The statements that bring existing tables to the retention and refresh interval of `schema`; empty when they have them already.
 * Reads system.tables.
 */
export async function tuneStatements(client: ClickHouseClient, schema: ResolvedSchemaOptions): Promise<string[]> {
  const result = await client.query({
    query: 'SELECT name, create_table_query AS sql FROM system.tables WHERE database = {database:String}',
    query_params: { database: schema.database },
    format: 'JSONEachRow',
  });
  const statements: string[] = [];
  for (const { name, sql } of await result.json<{ name: string; sql: string }>()) {
    const column = RETENTION[name];
    if (column !== undefined) {
      const days = /\bTTL .*toIntervalDay\((\d+)\)/.exec(sql)?.[1];
      if (Number(days ?? 0) !== schema.retentionDays) statements.push(retention(name, column, schema));
    }
    const every = INTERVALS[name]?.(schema);
    if (every !== undefined && !hasInterval(sql, every)) {
      statements.push(
        renderMigration(
          `ALTER TABLE {{db}}.${identifier(name)}{{on_cluster}} MODIFY REFRESH EVERY ${every} SECOND APPEND`,
          schema,
        ),
      );
    }
    const wait = WAITING.exec(sql)?.[1];
    if (wait !== undefined && REFRESHED.test(sql) && Number(wait) !== schema.updateWaitSeconds) {
      const query = sql
        .slice(sql.indexOf(' AS WITH ') + ' AS '.length)
        .replace(WAITING, `toIntervalSecond(${schema.updateWaitSeconds}) AS waiting`);
      statements.push(
        `${renderMigration(`ALTER TABLE {{db}}.${identifier(name)}{{on_cluster}}`, schema)} MODIFY QUERY ${query}`,
      );
    }
  }
  return statements;
}

/** The views with an interval of their own setting. */
const INTERVALS: Record<string, (schema: ResolvedSchemaOptions) => number> = {
  usage_daily_refresh: ({ refreshSeconds }) => refreshSeconds,
  usage_updates_apply: ({ updateSeconds }) => updateSeconds,
};

/** How long updates wait, as the views that apply them spell it (0013). */
const WAITING = /toIntervalSecond\((\d+)\) AS waiting/;
const REFRESHED = /^CREATE MATERIALIZED VIEW .*?REFRESH EVERY /s;

function retention(table: string, column: string, schema: ResolvedSchemaOptions): string {
  const change = schema.retentionDays === 0 ? 'REMOVE TTL' : `MODIFY {{ttl:${column}}}`;
  return renderMigration(`ALTER TABLE {{db}}.${identifier(table)}{{on_cluster}} ${change}`, schema);
}

const UNITS: Record<string, number> = { SECOND: 1, MINUTE: 60, HOUR: 3600, DAY: 86_400 };

/** ClickHouse may print the interval in another unit than it was given in. */
function hasInterval(sql: string, seconds: number): boolean {
  const match = /REFRESH EVERY (\d+) (SECOND|MINUTE|HOUR|DAY)/.exec(sql);
  return match !== null && Number(match[1]) * UNITS[match[2]!]! === seconds;
}
