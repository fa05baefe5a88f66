/**
 * What Stripe takes of a successful card payment on US standard pricing: 2.9 % and 0.30, rounded half up to the cent.
 * Other account currencies: the same share and a fixed part of 0.30 of that currency's unit.
 * @param amount in the smallest unit of the account's currency
 */
export function feeOf(amount: number, currency: string): number {
  if (amount <= 0) return 0;
  const fixed = currency === 'jpy' ? 0 : 30;
  return Math.floor((amount * 29 + 500) / 1000) + fixed;
}

/** The fee of a dispute, and of countering one, in the smallest unit of the account's currency. */
export const DISPUTE_FEE = 1500;
