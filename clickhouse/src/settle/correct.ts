import {
  absurdity,
  type CallEnd,
  costOf,
  formatAmount,
  type PriceBook,
  parseAmount,
} from '@client-cost/instrumentation/ledger';
import { type LedgerRow, nextVersion } from '../corrections/index.ts';

/** `usage.version` from which no callback changes a charge any more. */
export const SETTLED_VERSION = 1_000;

const MAX_COST = 10n ** 18n;

export type Correction =
  | { readonly kind: 'changed'; readonly row: LedgerRow }
  | { readonly kind: 'unchanged' }
  /** The ledger cannot hold it; the reason in words. */
  | { readonly kind: 'unusable'; readonly reason: string };

/**
 * The charge with the provider's figures: the next version from 1000 on, source `provider` (or `price_book`, where the provider says what was used
 * and not what it costs). Id, client, time and context stay; `estimated_cost` is what was recorded before the first settlement.
 */
export function correct(row: LedgerRow, end: CallEnd, book: PriceBook): Correction {
  if (end.cost?.trim().startsWith('-')) return { kind: 'unusable', reason: `the provider gives ${end.cost} back` };
  const problem = absurdity(end);
  if (problem !== undefined) return { kind: 'unusable', reason: problem };
  const quantity = end.quantity === undefined ? row.quantity : plain(String(end.quantity));
  if (quantity === undefined) return { kind: 'unusable', reason: `${String(end.quantity)} is no quantity` };
  const unit = end.unit ?? row.unit;
  const sku = end.sku ?? row.sku;
  const cost = costOf(
    { service: row.service, operation: row.operation, quantity, unit, at: new Date(row.time) },
    {
      provider: row.provider,
      requestModel: row.request_model,
      responseModel: row.response_model,
      serviceTier: row.service_tier,
      ...end,
      sku,
    },
    undefined,
    () => book,
  );
  if (cost.amount === undefined && cost.original === undefined && end.cost !== undefined) {
    return { kind: 'unusable', reason: `${end.cost} ${end.costCurrency ?? 'USD'} is no amount the ledger can hold` };
  }
  const { tokens } = end;
  const changed: LedgerRow = {
    ...row,
    quantity,
    unit,
    sku,
    cost: cost.amount ?? null,
    currency: 'USD',
    original_cost: cost.original?.amount ?? null,
    original_currency: cost.original?.currency ?? '',
    // What the provider does not bill is its own word too.
    cost_source: end.billed === false ? 'provider' : cost.source,
    price_version: cost.version ?? '',
    unpriced_reason: cost.reason ?? '',
    estimated_cost: isSettled(row) ? row.estimated_cost : (row.estimated_cost ?? row.cost),
    outcome: end.outcome,
    error_type: end.errorType ?? (end.outcome === 'error' ? row.error_type : ''),
    response_model: end.responseModel ?? row.response_model,
    service_tier: end.serviceTier ?? row.service_tier,
    ...(tokens && {
      input_tokens: String(tokens.input),
      output_tokens: String(tokens.output),
      cache_read_tokens: count(tokens.cacheRead),
      cache_creation_tokens: count(tokens.cacheWrite),
      reasoning_tokens: count(tokens.reasoning),
      audio_input_tokens: count(tokens.inputAudio),
      audio_output_tokens: count(tokens.outputAudio),
      cache_read_audio_tokens: count(tokens.cacheReadAudio),
    }),
  };
  if (isSettled(row) && same(row, changed)) return { kind: 'unchanged' };
  return { kind: 'changed', row: { ...changed, version: nextVersion(row, SETTLED_VERSION) } };
}

/** Whether a settlement has touched the charge before. */
export function isSettled(row: LedgerRow): boolean {
  return BigInt(row.version) >= BigInt(SETTLED_VERSION);
}

const COMPARED = [
  'quantity',
  'unit',
  'sku',
  'cost',
  'original_cost',
  'original_currency',
  'cost_source',
  'estimated_cost',
  'outcome',
  'error_type',
  'input_tokens',
  'output_tokens',
  'cache_read_tokens',
  'cache_creation_tokens',
  'reasoning_tokens',
  'audio_input_tokens',
  'audio_output_tokens',
  'cache_read_audio_tokens',
  'service_tier',
  'response_model',
] as const satisfies readonly (keyof LedgerRow)[];

const DECIMALS = new Set(['quantity', 'cost', 'original_cost', 'estimated_cost']);

/** Whether two versions say the same; a newer price book with the same figures is no change. */
function same(a: LedgerRow, b: LedgerRow): boolean {
  return COMPARED.every((column) => {
    const [left, right] = [a[column], b[column]];
    if (left === null || right === null || !DECIMALS.has(column)) return left === right;
    return parseAmount(left) === parseAmount(right);
  });
}

/** A quantity as the ledger stores it; undefined for what is none. */
function plain(text: string): string | undefined {
  try {
    const amount = parseAmount(text);
    return amount < 0n || amount >= MAX_COST * 10n ** 9n ? undefined : formatAmount(amount);
  } catch {
    return undefined;
  }
}

const count = (value: number | undefined): string | null => (value === undefined ? null : String(value));
