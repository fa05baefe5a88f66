import type { StandInExchange, StandInUsage } from '../stand-ins/index.ts';
import type { TrafficResult } from './traffic.ts';

/**
 * OpenAI's list prices in USD × 10^12 a token, written down here a second time on purpose: the demo's check must not read
 * the price book that it checks. From openai.com/api/pricing; the first three are the seed's table.
 */
const PRICES: Readonly<Record<string, { input: bigint; cached: bigint; output: bigint }>> = {
  'gpt-4o-mini': { input: 150_000n, cached: 75_000n, output: 600_000n },
  'gpt-4o': { input: 2_500_000n, cached: 1_250_000n, output: 10_000_000n },
  'text-embedding-3-small': { input: 20_000n, cached: 20_000n, output: 0n },
};

/** What a client owes by the provider's own record. */
export interface ExpectedBill {
  readonly calls: number;
  /** USD × 10^12. */
  readonly amount: bigint;
}

/** USD × 10^12 of one answer; throws for a model that the check knows no price of. */
export function priceOf(model: string, usage: StandInUsage): bigint {
  const price = PRICES[model];
  if (price === undefined) throw new Error(`The check has no price for ${model}`);
  const cached = BigInt(usage.cached ?? 0);
  const fresh = BigInt(usage.input) - cached;
  return fresh * price.input + cached * price.cached + BigInt(usage.output ?? 0) * price.output;
}

/**
 * Joins what the provider answered with who asked, by the provider's request id. Throws when an answer belongs to nobody: then
 * the demo's own bookkeeping is wrong and proves nothing.
 */
export function expectedBills(
  traffic: readonly TrafficResult[],
  exchanges: readonly StandInExchange[],
): Map<string, ExpectedBill> {
  const clientOf = new Map(traffic.map(({ requestId, clientId }) => [requestId, clientId]));
  const bills = new Map<string, ExpectedBill>();
  for (const { requestId, usage, body } of exchanges) {
    if (usage === undefined) continue; // not billed: an error
    const client = clientOf.get(requestId);
    if (client === undefined) throw new Error(`The provider answered ${requestId}, which no client's request led to`);
    const bill = bills.get(client) ?? { calls: 0, amount: 0n };
    bills.set(client, { calls: bill.calls + 1, amount: bill.amount + priceOf(body.model, usage) });
  }
  return bills;
}

/** USD × 10^12 as a decimal string with at most 12 decimals. */
export function formatPico(amount: bigint): string {
  const digits = amount.toString().padStart(13, '0');
  return `${digits.slice(0, -12)}.${digits.slice(-12)}`.replace(/\.?0+$/, '') || '0';
}

/** The reverse; throws on what is no amount. */
export function parsePico(decimal: string): bigint {
  const [, whole, fraction = ''] = /^(\d+)(?:\.(\d{1,12}))?$/.exec(decimal) ?? [];
  if (whole === undefined) throw new Error(`Not an amount in USD: ${decimal}`);
  return BigInt(whole) * 10n ** 12n + BigInt(fraction.padEnd(12, '0'));
}
