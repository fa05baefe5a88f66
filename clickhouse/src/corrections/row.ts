import type { Row } from '../queries/run.ts';

/**
 * One row of the ledger, all columns of `usage_events`. Amounts, quantities, versions and token counts are decimal texts as they are stored:
 * no number of JavaScript holds any of them. Times are ISO 8601 in UTC with up to nine decimals.
 */
export interface LedgerRow {
  readonly usage_id: string;
  readonly version: string;
  readonly is_deleted: number;
  readonly is_standalone: number;
  readonly time: string;
  readonly client_id: string;
  readonly service: string;
  readonly operation: string;
  readonly provider: string;
  readonly request_model: string;
  readonly response_model: string;
  readonly input_tokens: string | null;
  readonly output_tokens: string | null;
  readonly cache_read_tokens: string | null;
  readonly cache_creation_tokens: string | null;
  readonly reasoning_tokens: string | null;
  readonly audio_input_tokens: string | null;
  readonly audio_output_tokens: string | null;
  readonly cache_read_audio_tokens: string | null;
  readonly service_tier: string;
  readonly quantity: string;
  readonly unit: string;
  readonly sku: string;
  /** USD where `currency` says so; null is unknown. */
  readonly cost: string | null;
  readonly estimated_cost: string | null;
  readonly currency: string;
  readonly original_cost: string | null;
  readonly original_currency: string;
  readonly cost_source: string;
  /** Why there is no cost; empty where there is one. */
  readonly unpriced_reason: string;
  readonly price_version: string;
  readonly outcome: string;
  readonly error_type: string;
  readonly external_id: string;
  readonly lead_id: string;
  readonly message_id: string;
  readonly flow_execution_id: string;
  readonly metadata: string;
  readonly trace_id: string;
  readonly span_id: string;
  readonly service_name: string;
  readonly environment: string;
  readonly unreadable: readonly string[];
}

/** Every column but `ingested_at`, which the ledger sets itself when a row is written. */
export const LEDGER_COLUMNS = [
  'usage_id',
  'version',
  'is_deleted',
  'is_standalone',
  'time',
  'client_id',
  'service',
  'operation',
  'provider',
  'request_model',
  'response_model',
  'input_tokens',
  'output_tokens',
  'cache_read_tokens',
  'cache_creation_tokens',
  'reasoning_tokens',
  'audio_input_tokens',
  'audio_output_tokens',
  'cache_read_audio_tokens',
  'service_tier',
  'quantity',
  'unit',
  'sku',
  'cost',
  'estimated_cost',
  'currency',
  'original_cost',
  'original_currency',
  'cost_source',
  'unpriced_reason',
  'price_version',
  'outcome',
  'error_type',
  'external_id',
  'lead_id',
  'message_id',
  'flow_execution_id',
  'metadata',
  'trace_id',
  'span_id',
  'service_name',
  'environment',
  'unreadable',
] as const satisfies readonly (keyof LedgerRow)[];

/** The version after that of a row, and at least `floor` (1000 for a provider's own figure): `{...row, version: nextVersion(row)}`. */
export function nextVersion(row: { readonly version: string }, floor = 1): string {
  const next = BigInt(row.version) + 1n;
  return String(next > BigInt(floor) ? next : BigInt(floor));
}

/** A row as ClickHouse answers it. */
export function ledgerRow(row: Row): LedgerRow {
  const result: Record<string, unknown> = {};
  for (const column of LEDGER_COLUMNS) result[column] = row[column];
  return result as unknown as LedgerRow;
}

const EMPTY = {
  version: '1',
  is_deleted: 0,
  is_standalone: 0,
  client_id: 'unattributed',
  operation: '',
  provider: '',
  request_model: '',
  response_model: '',
  input_tokens: null,
  output_tokens: null,
  cache_read_tokens: null,
  cache_creation_tokens: null,
  reasoning_tokens: null,
  audio_input_tokens: null,
  audio_output_tokens: null,
  cache_read_audio_tokens: null,
  service_tier: '',
  quantity: '1',
  unit: 'request',
  sku: '',
  cost: null,
  estimated_cost: null,
  currency: 'USD',
  original_cost: null,
  original_currency: '',
  cost_source: 'unpriced',
  unpriced_reason: '',
  price_version: '',
  outcome: 'ok',
  error_type: '',
  external_id: '',
  lead_id: '',
  message_id: '',
  flow_execution_id: '',
  metadata: '',
  trace_id: '',
  span_id: '',
  service_name: '',
  environment: '',
  unreadable: [],
} as const;

/** A new charge; what is not given is empty, unknown or the default (version 1, one request, unattributed, unpriced). */
export function newCharge(
  row: Partial<LedgerRow> & Pick<LedgerRow, 'usage_id' | 'time' | 'service' | 'operation'>,
): LedgerRow {
  return { ...EMPTY, ...row };
}
