import { formatAmount } from '../money.ts';

/*
 * Amounts of Stripe's API are integers of a currency's smallest unit as Stripe counts it (docs.stripe.com/currencies): two
 * decimals but for those named here. ISK and UGX have none in trade, HUF and TWD none in payouts, and yet two in the API.
 */
const NO_DECIMALS = new Set('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' '));
const THREE_DECIMALS = new Set('BHD JOD KWD OMR TND'.split(' '));

/** ISO 4217 in upper case; undefined for what is no currency. */
export function currencyOf(value: unknown): string | undefined {
  const code = typeof value === 'string' ? value.trim().toUpperCase() : '';
  return /^[A-Z]{3}$/.test(code) ? code : undefined;
}

/** Decimals of the smallest unit of a currency (upper case) in Stripe's API. */
export function decimalsOf(currency: string): number {
  if (NO_DECIMALS.has(currency)) return 0;
  return THREE_DECIMALS.has(currency) ? 3 : 2;
}

/**
 * An amount of the API as a decimal string in the currency itself: 1099 USD is `10.99`, 1099 JPY `1099`, 1099 KWD `1.099`.
 * @returns undefined for what is no integer
 */
export function fromSmallestUnit(amount: unknown, currency: string): string | undefined {
  if (!Number.isSafeInteger(amount)) return undefined;
  return formatAmount(BigInt(amount as number) * 10n ** BigInt(12 - decimalsOf(currency)));
}
