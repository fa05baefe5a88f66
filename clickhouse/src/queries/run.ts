import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';

/** A row as it arrives: decimals and 64-bit integers as strings. */
export type Row = Readonly<Record<string, unknown>>;

/** What a period's usage adds up to. Money is a decimal string in USD, exact; it is never a JavaScript number. */
export interface Figures {
  readonly requests: number;
  readonly errors: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cost: string;
  /** Requests whose cost is unknown and therefore not in `cost`. */
  readonly unpricedRequests: number;
  /** Requests whose usage was estimated, because the provider did not report it. */
  readonly estimatedRequests: number;
}

export const NO_FIGURES: Figures = {
  requests: 0,
  errors: 0,
  inputTokens: 0,
  outputTokens: 0,
  cost: '0',
  unpricedRequests: 0,
  estimatedRequests: 0,
};

/** Set here too, so that a client made elsewhere cannot turn money into floats. */
const SETTINGS = {
  output_format_json_quote_decimals: 1,
  output_format_json_quote_64bit_integers: 1,
  output_format_json_validate_utf8: 1,
} as const;

/** Runs one query; values reach it as parameters only. */
export async function select(
  client: ClickHouseClient,
  query: string,
  params: Record<string, unknown> = {},
  settings: ClickHouseSettings = {},
): Promise<Row[]> {
  const result = await client.query({
    query,
    query_params: params,
    format: 'JSONEachRow',
    clickhouse_settings: { ...settings, ...SETTINGS },
  });
  return result.json<Row>();
}

export const text = (row: Row, column: string): string => String(row[column] ?? '');
export const textOrNull = (row: Row, column: string): string | null =>
  row[column] === null || row[column] === undefined ? null : String(row[column]);
export const count = (row: Row, column: string): number => Number(row[column] ?? 0);

export function figures(row: Row): Figures {
  return {
    requests: count(row, 'requests'),
    errors: count(row, 'errors'),
    inputTokens: count(row, 'input_tokens'),
    outputTokens: count(row, 'output_tokens'),
    cost: text(row, 'cost'),
    unpricedRequests: count(row, 'unpriced_requests'),
    estimatedRequests: count(row, 'estimated_requests'),
  };
}
