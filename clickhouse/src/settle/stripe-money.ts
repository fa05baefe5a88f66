import { decimalOf, formatAmount, toAmount } from '@client-cost/instrumentation/ledger';
import type { Json } from '../provider-api/index.ts';

// https://docs.stripe.com/currencies#zero-decimal and #three-decimal, read 2026-11-22
const NO_DECIMALS = new Set('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' '));
const THREE_DECIMALS = new Set('BHD JOD KWD OMR TND'.split(' '));

/** An amount in a currency's smallest unit as a decimal string of that currency. @throws RangeError when it is no whole number */
export function fromMinorUnits(minor: number | bigint, currency: string): string {
  const code = currency.toUpperCase();
  const scale = NO_DECIMALS.has(code) ? 0 : THREE_DECIMALS.has(code) ? 3 : 2;
  if (typeof minor === 'number' && !Number.isSafeInteger(minor)) throw new RangeError(`${minor} is no whole number`);
  return formatAmount(toAmount(decimalOf(`${minor}e-${scale}`)));
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
