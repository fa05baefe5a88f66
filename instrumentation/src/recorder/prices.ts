import { warnOnce } from '../log.ts';
import type { PriceBook, PriceRequest } from '../prices/book.ts';
import { getRecorder } from './index.ts';

/**
 * An amount in USD, for a provider whose quantity is money: as it is, or by the user's dated rate (`exchange_rates` of the price
 * file). Never throws.
 *
 * @param amount decimal string in `currency`
 * @param currency ISO 4217, upper case
 * @returns a decimal string with at most 12 decimals; undefined where no rate is known for that time
 */
export function usdOf(amount: string, currency: string, at: Date): string | undefined {
  return currency === 'USD' ? amount : book()?.toUsd(amount, currency, at);
}

/** The list price of what the provider has told its own figure of (`cost.estimated_amount`). Never throws. */
export function listPriceOf(request: PriceRequest): string | undefined {
  return book()?.price(request).amount;
}

function book(): PriceBook | undefined {
  try {
    return getRecorder().priceBook?.();
  } catch (error) {
    warnOnce('price-book', 'the price book could not be loaded', error);
    return undefined;
  }
}
