import { type ApiClient, type Json, stripePages } from '../provider-api/index.ts';
import { addDays, type Period } from '../queries/index.ts';
import { fromMinorUnits, minorFee } from '../settle/stripe-money.ts';
import type { Bill, BillLine } from './types.ts';

const SECONDS = 1_000;

/** Fees that Stripe takes by themselves: their amount is the fee. */
const OWN_FEES = new Set(['stripe_fee', 'stripe_fx_fee', 'tax_fee']);

/** A month of balance transactions: the fees of charges, refunds and disputes, and Stripe's other fees. The month is UTC. */
export async function stripeBill(client: ApiClient, period: Period): Promise<Bill> {
  const sums = new Map<string, { line: Omit<BillLine, 'amount'>; minor: bigint }>();
  const notes: string[] = [];
  const query = {
    'created[gte]': Date.parse(period.from) / SECONDS,
    'created[lt]': Date.parse(addDays(period.to, 1)) / SECONDS,
  };
  let unread = 0;
  for await (const page of stripePages(client, '/v1/balance_transactions', query)) {
    for (const transaction of page) {
      const fee = feeLine(transaction);
      if (fee === undefined) {
        unread += 1;
        continue;
      }
      const key = `${fee.line.service} ${fee.line.item} ${fee.line.currency}`;
      const known = sums.get(key);
      sums.set(key, { line: fee.line, minor: (known?.minor ?? 0n) + fee.minor });
    }
  }
  if (unread > 0) notes.push(`${unread} balance transactions have no readable fee`);
  const lines = [...sums.values()]
    .filter(({ minor }) => minor !== 0n)
    .map(({ line, minor }) => ({ ...line, amount: fromMinorUnits(minor, line.currency) }));
  return { lines, notes };
}

function feeLine(transaction: Json): { line: Omit<BillLine, 'amount'>; minor: bigint } | undefined {
  const { type, currency, amount } = transaction;
  if (typeof type !== 'string' || typeof currency !== 'string') return undefined;
  const code = currency.toUpperCase();
  if (OWN_FEES.has(type)) {
    if (!Number.isSafeInteger(amount)) return undefined;
    return { line: { service: 'stripe_other', item: type, currency: code }, minor: -BigInt(amount as number) };
  }
  const fee = minorFee(transaction);
  return fee === undefined ? undefined : { line: { service: 'stripe', item: type, currency: code }, minor: fee };
}
