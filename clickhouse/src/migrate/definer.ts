import type { ClickHouseClient } from '@clickhouse/client';
import { identifier, type ResolvedSchemaOptions, renderMigration } from './render.ts';

/**
 * The statements after which every materialized view runs with the rights of the user that migrates; empty when they do already. A view
 * without a definer (a server's default) reads and writes with the rights of whoever inserts: a user who may insert telemetry and nothing
 * else would be refused by the views behind it. By name, since on a cluster each node carries the statement out by itself.
 */
export async function definerStatements(client: ClickHouseClient, schema: ResolvedSchemaOptions): Promise<string[]> {
  const result = await client.query({
    query: `SELECT name, create_table_query AS sql, currentUser() AS me FROM system.tables
      WHERE database = {database:String} AND engine = 'MaterializedView' ORDER BY name`,
    query_params: { database: schema.database },
    format: 'JSONEachRow',
  });
  const views = await result.json<{ name: string; sql: string; me: string }>();
  return views
    .filter(({ sql, me }) => definerOf(sql) !== me)
    .map(({ name, me }) =>
      renderMigration(
        `ALTER TABLE {{db}}.${identifier(name)}{{on_cluster}} MODIFY DEFINER = ${identifier(me)} SQL SECURITY DEFINER`,
        schema,
      ),
    );
}

/** Whose rights a view runs with, as its definition says it; undefined: those of whoever inserts. */
export function definerOf(sql: string): string | undefined {
  const [, quoted, plain] = /\) DEFINER = (?:`((?:\\.|[^`\\])*)`|(\w+)) SQL SECURITY DEFINER AS /.exec(sql) ?? [];
  return quoted?.replace(/\\(.)/g, '$1') ?? plain;
}
