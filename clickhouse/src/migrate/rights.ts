import { identifier, type ResolvedSchemaOptions } from './render.ts';

/**
 * Who besides the migrating user has an account on ClickHouse:
 * `writer` the Collector, or services without one · `reader` Grafana, reports · `operator` the commands that change charges, prices and
 * clients · `sms` the SMS service.
 */
export type AccountKind = 'writer' | 'reader' | 'operator' | 'sms';

/** The tables that the Collector's exporter, and the direct sender, insert into. */
const TELEMETRY = [
  'otel_logs',
  'otel_traces',
  'otel_metrics_gauge',
  'otel_metrics_sum',
  'otel_metrics_summary',
  'otel_metrics_histogram',
  'otel_metrics_exponential_histogram',
];

/** What settlement, re-pricing, measuring, backfilling and the commands on clients write. */
const OPERATED = ['usage_events', 'usage_daily', 'clients', 'client_prices'];

/** What the plugin's query builder lists; each shows only what its reader may see. Dashboards and rules read the ledger alone. */
const LISTED = ['databases', 'tables', 'columns'];

/** `client-cost doctor` looks whether the rollups refresh, and which migrations there are. */
const LOOKED_AT = ['tables', 'view_refreshes'];

/**
 * The rights of an account, each as it stands between `GRANT` and `TO`, and no more than its statements use (a test runs them all).
 * INSERT brings SHOW COLUMNS with it, which the Collector's exporter needs for its DESCRIBE TABLE; it does not let anybody read.
 */
export function rightsOf(kind: AccountKind, schema: ResolvedSchemaOptions): string[] {
  const table = (name: string) => `${identifier(schema.database)}.${identifier(name)}`;
  const insert = (names: readonly string[]) => names.map((name) => `INSERT ON ${table(name)}`);
  const read = (system: readonly string[]) => [
    `SELECT ON ${identifier(schema.database)}.*`,
    ...system.map((name) => `SELECT ON system.${name}`),
    // A view over all shards reads by cluster(); remote() to other hosts would need CREATE TEMPORARY TABLE as well.
    ...(schema.cluster === undefined ? [] : ['REMOTE ON *.*']),
  ];
  switch (kind) {
    case 'writer':
      return insert(TELEMETRY);
    case 'sms':
      return insert(['usage_alerts']);
    case 'reader':
      return read([...new Set([...LISTED, ...LOOKED_AT])]);
    case 'operator':
      // On a cluster the ledger is a Distributed table in front of this one.
      return [...insert(OPERATED), ...(schema.cluster ? insert(['usage_events_local']) : []), ...read(LOOKED_AT)];
  }
}

const ANSWER_FORMAT = [
  'output_format_json_quote_decimals',
  'output_format_json_quote_64bit_integers',
  'output_format_json_validate_utf8',
  'date_time_output_format',
];

/**
 * What a query of an account may take. The reader is everybody who can sign in to Grafana: its plugin's client sends `max_execution_time`
 * with every query (its time-out and 5 s, 65 by default), so that one may be changed although the user is read-only; nothing else may.
 */
export function limitsOf(kind: AccountKind): string[] {
  if (kind !== 'reader') return [];
  return [
    'readonly = 1',
    'max_execution_time = 60 MIN 1 MAX 300 CHANGEABLE_IN_READONLY',
    // A panel shows hundreds of rows; the ledger's intake must not suffer from someone's SELECT *.
    'max_result_rows = 100000',
    'max_memory_usage = 4294967296',
    'max_concurrent_queries_for_user = 64',
    // How an answer is written: the client-cost command asks for decimals as text with every query.
    ...ANSWER_FORMAT.map((name) => `${name} CHANGEABLE_IN_READONLY`),
  ];
}
