import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common';

/** The plugin that the queries are written for. */
export const PLUGIN = { id: 'grafana-clickhouse-datasource', version: '4.20.0' } as const;

/** Never a fixed uid: whoever imports the dashboards chooses the data source. */
export const DATASOURCE = {
  type: PLUGIN.id,
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Grafana
  uid: '${datasource}',
} as const satisfies DataSourceRef;

/** Query model of grafana-clickhouse-datasource 4.20, SQL editor. */
export interface ClickHouseQuery {
  readonly refId: string;
  readonly datasource: DataSourceRef;
  readonly editorType: 'sql';
  readonly queryType: 'table' | 'timeseries';
  /** What the backend makes of the rows: 0 series (one number column per label set, over the time column), 1 a table. */
  readonly format: 0 | 1;
  readonly rawSql: string;
  readonly pluginVersion: string;
}

const query = (rawSql: string, refId: string, kind: Pick<ClickHouseQuery, 'queryType' | 'format'>) => {
  const model: ClickHouseQuery = {
    refId,
    datasource: DATASOURCE,
    editorType: 'sql',
    ...kind,
    rawSql: rawSql.trim(),
    pluginVersion: PLUGIN.version,
  };
  // The SDK marks queries with a method; JSON drops it.
  const marked: ClickHouseQuery & cog.Dataquery = { ...model, _implementsDataqueryVariant() {} };
  return { build: () => marked } satisfies cog.Builder<cog.Dataquery>;
};

/** A query whose rows are shown as they are. */
export const tableQuery = (rawSql: string, refId = 'A') => query(rawSql, refId, { queryType: 'table', format: 1 });

/** A query with a column `time`, columns that say which series a row belongs to, and one number. Rows in ascending order of time. */
export const seriesQuery = (rawSql: string, refId = 'A') =>
  query(rawSql, refId, { queryType: 'timeseries', format: 0 });
