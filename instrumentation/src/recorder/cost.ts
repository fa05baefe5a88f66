import { describeError, quote, warnOnce } from '../log.ts';
import { formatAmount, parseDecimal, toAmount } from '../money.ts';
import type { PriceBook, PriceRequest } from '../prices/book.ts';
import { checkUsage } from '../prices/usage.ts';
import type { CallEnd, CostSource, Price } from '../types.ts';

/** What a call costs: a decimal string of USD, or no amount and the reason. */
export interface Cost {
  readonly amount: string | undefined;
  readonly source: CostSource;
  readonly version: string | undefined;
  readonly reason?: string;
  /** What the provider said, where that is another currency than USD. */
  readonly original?: { readonly amount: string; readonly currency: string };
}

/** A call as far as its cost depends on it; `quantity` is undefined where what was said is no quantity. */
export interface Pricable {
  readonly service: string;
  readonly operation: string;
  /** The provider's, where the application gave the call a name of its own: what has no price by that name has one by this. */
  readonly ownOperation?: string;
  readonly quantity: string | undefined;
  readonly unit: string;
  readonly at: Date;
}

// The ledger's Decimal(18,12) ends at 999,999.999999999999.
const LIMIT_PICO = 10n ** 18n;
// What the ledger reads as a quantity ends before 10^15.
const QUANTITY_LIMIT_PICO = 10n ** 27n;

/** What `formatAmount` makes of an amount below 1,000,000: there is nothing to normalize. */
const NORMAL = /^(?:0|[1-9]\d{0,5})(?:\.\d{0,11}[1-9])?$/;

/** A decimal string of USD in the ledger's form (at most 12 decimals); undefined when it is none or out of range. */
export function normalizeAmount(value: unknown): string | undefined {
  if (typeof value === 'string' && NORMAL.test(value)) return value;
  const parsed = parseDecimal(value);
  if (!parsed.ok) return undefined;
  const pico = toAmount(parsed.value);
  return pico >= LIMIT_PICO || pico <= -LIMIT_PICO ? undefined : formatAmount(pico);
}

/** A quantity as a plain decimal string with at most 12 decimals; undefined when it is negative or no number. */
export function normalizeQuantity(value: unknown): string | undefined {
  if (value === 1 || value === '1') return '1';
  const parsed = parseDecimal(value);
  if (!parsed.ok || parsed.value.coefficient < 0n || parsed.value.scale > 12) return undefined;
  const pico = toAmount(parsed.value);
  return pico >= QUANTITY_LIMIT_PICO ? undefined : formatAmount(pico);
}

/** What is wrong with the counts of a call, naming the figure; undefined when they are possible. */
export function absurdity(end: CallEnd): string | undefined {
  if (end.tokens === undefined) return undefined;
  try {
    return checkUsage(end.tokens);
  } catch (error) {
    return `token counts are unreadable: ${describeError(error)}`;
  }
}

/** Prices a finished call. Never throws: what cannot be priced is `unpriced`, with a reason, never 0. */
export function costOf(call: Pricable, end: CallEnd, problem: string | undefined, book: () => PriceBook): Cost {
  let version: string | undefined;
  try {
    if (end.cost !== undefined) {
      return providerCost(end.cost, end.costCurrency, call.at, book);
    }
    const prices = book();
    version = prices.version;
    if (end.billed === false) return { amount: '0', source: 'price_book', version };
    const reason = end.unpricedReason ?? problem;
    if (reason !== undefined) return unpriced(reason, version);
    if (call.quantity === undefined) return unpriced('the quantity is not a number of 0 or more', version);
    const price = priceOf(prices, call, {
      service: call.service,
      operation: call.operation,
      provider: end.provider,
      model: end.requestModel,
      sku: end.sku,
      responseModel: end.responseModel,
      serviceTier: end.serviceTier,
      tokens: end.tokens,
      quantity: call.quantity,
      unit: call.unit,
      at: call.at,
    });
    if (price.amount === undefined) return unpriced(price.reason, price.version);
    const amount = normalizeAmount(price.amount);
    if (amount === undefined) return unpriced('the price is beyond 1000000 USD', price.version);
    return { amount, source: end.estimated === true ? 'estimated' : 'price_book', version: price.version };
  } catch (error) {
    warnOnce('price', 'a call could not be priced and is recorded as unpriced', error);
    return unpriced('the price book failed', version);
  }
}

function priceOf(prices: PriceBook, { operation, ownOperation = operation }: Pricable, request: PriceRequest): Price {
  const price = prices.price(request);
  if (price.amount !== undefined || ownOperation === operation) return price;
  return prices.price({ ...request, operation: ownOperation });
}

/** What the provider said: taken as it is in USD, converted by the user's rate of the day in another currency. */
function providerCost(cost: string, currency: string | undefined, at: Date, book: () => PriceBook): Cost {
  const said = normalizeAmount(cost);
  if (said === undefined) return unpriced('the given cost is not an amount of less than 1000000', undefined);
  // The ledger refuses it, and the usage with it.
  if (said.startsWith('-')) return unpriced('the given cost is negative', undefined);
  const code = (currency ?? 'USD').trim().toUpperCase();
  if (code === 'USD') return { amount: said, source: 'provider', version: undefined };
  if (!/^[A-Z]{3}$/.test(code)) return unpriced(`${quote(currency)} is not a currency of ISO 4217`, undefined);
  const original = { amount: said, currency: code };
  const prices = book();
  const converted = prices.toUsd(said, code, at);
  const amount = converted === undefined ? undefined : normalizeAmount(converted);
  if (amount !== undefined) return { amount, source: 'provider', version: prices.version, original };
  return { ...unpriced(`no exchange rate is known for ${code} on that day`, prices.version), original };
}

function unpriced(reason: string, version: string | undefined): Cost {
  return { amount: undefined, source: 'unpriced', version, reason };
}
