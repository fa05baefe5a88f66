import { fromSmallestUnit } from '@client-cost/instrumentation/ledger';
import type { Json } from '../provider-api/index.ts';

/** A sum in a currency's smallest unit as a decimal string of that currency. @throws RangeError beyond 2^53 */
export function fromMinorUnits(minor: number | bigint, currency: string): string {
  const amount = fromSmallestUnit(Number(minor), currency.toUpperCase());
  if (amount === undefined) throw new RangeError(`${minor} ${currency} is no amount`);
  return amount;
}

/**
 * What Stripe takes, over all balance transactions of one thing (a dispute's fee may come back).
 * @returns undefined where the answer does not hold it
 */
export function feeOf(transactions: readonly Json[]): { amount: string; currency: string } | undefined {
  const currency = transactions[0]?.currency;
  if (typeof currency !== 'string') return undefined;
  let sum = 0n;
  for (const transaction of transactions) {
    const fee = minorFee(transaction);
    if (transaction.currency !== currency || fee === undefined) return undefined;
    sum += fee;
  }
  return { amount: fromMinorUnits(sum, currency), currency: currency.toUpperCase() };
}

/**
 * The fee of one balance transaction in the smallest unit of its currency. What a platform takes of its connected accounts (`application_fee`)
 * is not Stripe's.
 */
export function minorFee(transaction: Json): bigint | undefined {
  if (!Number.isSafeInteger(transaction.fee)) return undefined;
  return BigInt(transaction.fee as number) - applicationFee(transaction);
}

function applicationFee({ fee_details: details }: Json): bigint {
  if (!Array.isArray(details)) return 0n;
  const own = (details as readonly Json[]).filter(({ type }) => type === 'application_fee');
  return own.reduce((sum, { amount }) => sum + (Number.isSafeInteger(amount) ? BigInt(amount as number) : 0n), 0n);
}

/** What moved, without its sign: a decimal string of the transactions' currency. */
export function amountOf(transactions: readonly Json[]): string {
  let sum = 0n;
  for (const { amount } of transactions) if (Number.isSafeInteger(amount)) sum += BigInt(amount as number);
  return fromMinorUnits(sum < 0n ? -sum : sum, String(transactions[0]?.currency));
}
