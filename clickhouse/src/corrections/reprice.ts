import type { ClickHouseClient } from '@clickhouse/client';
import {
  formatAmount,
  isPriceReason,
  type PriceBook,
  parseAmount,
  type TokenUsage,
} from '@client-cost/instrumentation/ledger';
import type { Period } from '../queries/dates.ts';
import { readCharges } from './read.ts';
import { type LedgerRow, nextVersion } from './row.ts';
import { writeCharges } from './write.ts';

/** What re-pricing made of the charges of one service. Amounts are decimal text in USD. */
export interface RepricedService {
  readonly service: string;
  /** Charges that were priced anew; those settled by their provider are not among them. */
  readonly read: number;
  readonly changed: number;
  /** Sum of their recorded cost, and of the cost after this run. */
  readonly before: string;
  readonly after: string;
  /** Without a price before and after. */
  readonly unpriced: number;
  /** Left as they were although the book says otherwise, by the reason. */
  readonly left: Readonly<Record<string, number>>;
}

export interface RepriceOptions extends Period {
  readonly services?: readonly string[] | undefined;
  readonly clientId?: string | undefined;
  /** Only say what would change. */
  readonly dryRun?: boolean | undefined;
  readonly onDay?: ((day: string, read: number) => void) | undefined;
}

/** What a charge costs by the book: its next version, or why it stays as it is. */
export type Repriced =
  | { readonly state: 'changed'; readonly row: LedgerRow }
  | { readonly state: 'same' | 'unpriced' }
  | { readonly state: 'left'; readonly reason: string };

/**
 * Prices the charges of a period anew with `book`, each at the time of its call, and writes those whose cost changes as their next version.
 * What the provider itself has said (`provider`) is never read. A second run with the same book changes nothing.
 *
 * @throws QueryInputError on a period that cannot be used, the client's error otherwise; what was written before stays, and a further run goes on
 */
export async function reprice(
  client: ClickHouseClient,
  book: PriceBook,
  options: RepriceOptions,
): Promise<RepricedService[]> {
  const sums = new Map<string, Sum>();
  const costSources = ['price_book', 'estimated', 'unpriced'];
  const { from, to, services, clientId } = options;
  let read = 0;
  for await (const page of readCharges(client, { from, to, services, clientId, costSources })) {
    const changed: LedgerRow[] = [];
    for (const row of page) {
      const sum = sums.get(row.service) ?? new Sum();
      sums.set(row.service, sum);
      const result = repriceCharge(row, book);
      sum.add(row, result);
      if (result.state === 'changed') changed.push(result.row);
    }
    // One that got a newer version meanwhile is no longer ours to change.
    if (options.dryRun !== true) await writeCharges(client, changed, { stale: 'skip' });
    read += page.length;
    options.onDay?.(page.at(-1)!.time.slice(0, 10), read);
  }
  return [...sums].map(([service, sum]) => sum.result(service)).sort((a, b) => (a.service < b.service ? -1 : 1));
}

/** One charge. Never makes an amount out of what is not known, nor unknown what was known. */
export function repriceCharge(row: LedgerRow, book: PriceBook): Repriced {
  const left = (reason: string): Repriced => ({ state: 'left', reason });
  if (row.currency !== 'USD' && row.cost !== null) return left('its amount is in another currency than USD');
  if (row.unreadable.some((name) => name.startsWith('gen_ai.'))) return left('its token counts could not be read');
  const at = new Date(row.time);
  if (row.cost === null && row.original_cost !== null) {
    const usd = book.toUsd(row.original_cost, row.original_currency, at);
    if (usd === undefined) return { state: 'unpriced' };
    return changed(row, { cost: usd, cost_source: 'provider', price_version: book.version });
  }
  if (row.cost === null && row.unpriced_reason !== '' && !isPriceReason(row.unpriced_reason)) {
    return left('its usage is not known');
  }
  if (row.cost === null && row.outcome === 'error') return left('it failed, and whether it is billed is not known');
  const price = book.price({
    service: row.service,
    operation: row.operation,
    provider: row.provider || undefined,
    model: row.request_model || undefined,
    responseModel: row.response_model || undefined,
    sku: row.sku || undefined,
    serviceTier: row.service_tier || undefined,
    tokens: tokensOf(row),
    quantity: row.quantity,
    unit: row.unit,
    at,
  });
  if (price.amount === undefined)
    return row.cost === null ? { state: 'unpriced' } : left('the book has no price for it now');
  const amount = formatAmount(parseAmount(price.amount));
  if (row.cost !== null && parseAmount(row.cost) === parseAmount(amount)) return { state: 'same' };
  if (row.cost !== null && parseAmount(row.cost) === 0n) return left('it was recorded as not billed');
  const cost_source = row.cost_source === 'estimated' ? 'estimated' : 'price_book';
  return changed(row, { cost: amount, cost_source, price_version: book.version });
}

function changed(row: LedgerRow, change: Partial<LedgerRow>): Repriced {
  return {
    state: 'changed',
    row: { ...row, ...change, currency: 'USD', unpriced_reason: '', version: nextVersion(row) },
  };
}

function tokensOf(row: LedgerRow): TokenUsage | undefined {
  if (row.input_tokens === null && row.output_tokens === null) return undefined;
  const tokens: Record<string, number> = {};
  const put = (name: keyof TokenUsage, value: string | null): void => {
    if (value !== null) tokens[name] = Number(value);
  };
  put('input', row.input_tokens);
  put('output', row.output_tokens);
  put('cacheRead', row.cache_read_tokens);
  put('cacheWrite', row.cache_creation_tokens);
  put('reasoning', row.reasoning_tokens);
  put('inputAudio', row.audio_input_tokens);
  put('outputAudio', row.audio_output_tokens);
  put('cacheReadAudio', row.cache_read_audio_tokens);
  return tokens as unknown as TokenUsage;
}

class Sum {
  #read = 0;
  #changed = 0;
  #unpriced = 0;
  #before = 0n;
  #after = 0n;
  readonly #left = new Map<string, number>();

  add(row: LedgerRow, result: Repriced): void {
    const usd = (charge: LedgerRow): bigint =>
      charge.cost === null || charge.currency !== 'USD' ? 0n : parseAmount(charge.cost);
    this.#read++;
    this.#before += usd(row);
    this.#after += usd(result.state === 'changed' ? result.row : row);
    if (result.state === 'changed') this.#changed++;
    if (result.state === 'unpriced' || (result.state === 'left' && row.cost === null)) this.#unpriced++;
    if (result.state === 'left') this.#left.set(result.reason, (this.#left.get(result.reason) ?? 0) + 1);
  }

  result(service: string): RepricedService {
    return {
      service,
      read: this.#read,
      changed: this.#changed,
      before: formatAmount(this.#before),
      after: formatAmount(this.#after),
      unpriced: this.#unpriced,
      left: Object.fromEntries(this.#left),
    };
  }
}
