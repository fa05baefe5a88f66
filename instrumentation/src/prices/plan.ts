import { AMOUNT_SCALE, add, type Decimal, decimalOf, formatAmount, multiply, rescale, toAmount } from '../money.ts';
import type { TokenUsage } from '../types.ts';
import type { Meter, MeterRates, TokenRates } from './entry.ts';
import { checkUsage, type MeteredUsage, meterUsage } from './usage.ts';

/** An amount as a decimal string, or why there is none. */
export type PlanResult =
  | { readonly amount: string; readonly reason?: undefined }
  | { readonly amount?: undefined; readonly reason: string };

/** A resolved price, ready to be applied many times. */
export interface PricePlan {
  apply(tokens: TokenUsage | undefined, quantity: string): PlanResult;
}

/** The ledger keeps a call's amount as Decimal(18,12): below one million USD. */
const MAX_AMOUNT = 10n ** 18n;

const MAX_QUANTITY_DECIMALS = 12;
const ZERO: Decimal = { coefficient: 0n, scale: 0 };

/** `quantity` units at a price each, and a fixed price for the event, exactly. */
export function unitPlan(perUnit: Decimal, fixed: Decimal = ZERO): PricePlan {
  return {
    apply(_tokens, quantity) {
      if (quantity === '1') return amountOf(toAmount(add(perUnit, fixed)));
      let count: Decimal;
      try {
        count = decimalOf(quantity);
      } catch (error) {
        return { reason: `quantity ${(error as Error).message}` };
      }
      if (count.coefficient < 0n) return { reason: `quantity ${quantity} is negative` };
      if (count.scale > MAX_QUANTITY_DECIMALS) {
        return { reason: `quantity ${quantity} has more than ${MAX_QUANTITY_DECIMALS} decimals` };
      }
      return amountOf(toAmount(add(multiply(perUnit, count), fixed)));
    },
  };
}

/** Tokens at rates per million (and a price per call). */
export function tokenPlan(price: TokenRates): PricePlan {
  // Only a fixed price per call: no token counts are needed.
  const callOnly = Object.keys(price.rates).length === 0 && price.perRequest !== undefined;
  const scale = commonScale(price);
  const base = scaled(price.rates, scale);
  const bands = price.bands.map((band) => ({ above: band.inputTokens, rates: scaled(band.rates, scale) }));
  const perRequest = price.perRequest ? rescale(price.perRequest.coefficient, price.perRequest.scale, scale) : 0n;
  const upTo = price.upToInputTokens ?? Number.POSITIVE_INFINITY;
  return {
    apply(tokens) {
      if (callOnly) return amountOf(rescale(perRequest, scale, AMOUNT_SCALE));
      if (tokens === undefined) return { reason: 'no token counts were reported' };
      const wrong = checkUsage(tokens);
      if (wrong !== undefined) return { reason: wrong };
      if (tokens.input > upTo) return { reason: `no price is known beyond ${upTo} input tokens (${tokens.input})` };
      const metered = meterUsage(tokens);
      if (typeof metered === 'string') return { reason: metered };
      let rates = base;
      for (const band of bands) if (tokens.input > band.above) rates = band.rates;
      const total = priceTokens(rates, metered);
      return typeof total === 'string' ? { reason: total } : amountOf(rescale(total + perRequest, scale, AMOUNT_SCALE));
    },
  };
}

function amountOf(pico: bigint): PlanResult {
  if (pico < MAX_AMOUNT) return { amount: formatAmount(pico) };
  return { reason: `the price of one call would be ${formatAmount(pico)} USD: the ledger holds less than 1000000` };
}

/** USD per token (not per million), as integers of one common scale. */
type ScaledRates = Partial<Record<Meter, bigint>>;

/** A scale at which every rate per token is a whole number, so that sums are exact and rounded once at the end. */
function commonScale(price: TokenRates): number {
  let scale = Math.max(AMOUNT_SCALE, price.perRequest?.scale ?? 0);
  for (const rates of [price.rates, ...price.bands.map((band) => band.rates)]) {
    for (const rate of Object.values(rates)) scale = Math.max(scale, rate.scale + 6);
  }
  return scale;
}

function scaled(rates: MeterRates, scale: number): ScaledRates {
  const result: ScaledRates = {};
  for (const [meter, rate] of Object.entries(rates)) {
    result[meter as Meter] = rescale(rate.coefficient, rate.scale + 6, scale);
  }
  return result;
}

function priceTokens(rates: ScaledRates, use: MeteredUsage): bigint | string {
  const { input, output } = rates;
  let total = 0n;
  if (use.input + use.cached + use.cacheWrite > 0) {
    if (input === undefined) return 'the price has no rate for input tokens';
    total += BigInt(use.input) * input;
    // A model without a rate for cached tokens (or for writing the cache) bills them as input.
    if (use.cached > 0) total += BigInt(use.cached) * (rates.cached_input ?? input);
    if (use.cacheWrite > 0) total += BigInt(use.cacheWrite) * (rates.cache_write ?? input);
  }
  if (use.audioInput + use.cachedAudio > 0) {
    const audio = rates.audio_input;
    if (audio === undefined) return 'the price has no rate for audio input tokens';
    total += BigInt(use.audioInput) * audio + BigInt(use.cachedAudio) * (rates.cached_audio_input ?? audio);
  }
  if (use.output + use.reasoning > 0) {
    if (output === undefined) return 'the price has no rate for output tokens';
    total += BigInt(use.output) * output + BigInt(use.reasoning) * (rates.reasoning_output ?? output);
  }
  if (use.audioOutput > 0) {
    if (rates.audio_output === undefined) return 'the price has no rate for audio output tokens';
    total += BigInt(use.audioOutput) * rates.audio_output;
  }
  return total;
}
