import { formatAmount, type PriceBook, parseAmount } from '@client-cost/instrumentation/ledger';
import type { Bill, BillLine, Comparison, LedgerFigures } from './types.ts';

/** Below this nobody looks for a reason. */
const NEGLIGIBLE_PERCENT = 1;

export interface CompareOptions {
  /** Services to show even where neither side has anything. */
  readonly services: readonly string[];
  readonly ledger: readonly LedgerFigures[];
  readonly bill: Bill;
  readonly book: PriceBook;
  /** A day of the month, for exchange rates. */
  readonly at: Date;
}

/** Sets a provider's bill beside the ledger, service by service. Amounts without an exchange rate are left out and said. */
export function compare({ services, ledger, bill, book, at }: CompareOptions): Comparison[] {
  const names = new Set([
    ...services,
    ...ledger.map(({ service }) => service),
    ...bill.lines.map(({ service }) => service),
  ]);
  return [...names].map((service) => {
    const recorded = ledger.find((row) => row.service === service) ?? nothing(service);
    const lines = bill.lines.filter((line) => line.service === service);
    const without = new Map<string, bigint>();
    let billed = 0n;
    for (const { amount, currency } of lines) {
      const usd = book.toUsd(amount, currency, at);
      if (usd === undefined) without.set(currency, (without.get(currency) ?? 0n) + parseAmount(amount));
      else billed += parseAmount(usd);
    }
    const residual = billed - parseAmount(recorded.cost);
    const residualPercent = billed === 0n ? null : Number((residual * 1_000n) / billed) / 10;
    return {
      ...recorded,
      billed: formatAmount(billed),
      residual: formatAmount(residual),
      residualPercent,
      lines,
      hints: hints(recorded, residual, residualPercent, lines, without),
    };
  });
}

const nothing = (service: string): LedgerFigures => ({
  service,
  charges: 0,
  cost: '0',
  unpriced: 0,
  unsettled: 0,
  unattributed: 0,
  estimated: 0,
});

/** Whether a residual is beyond a limit; where nothing is billed any recorded cost is. */
export function beyond({ residual, residualPercent }: Comparison, limitPercent: number): boolean {
  if (parseAmount(residual) === 0n) return false;
  return residualPercent === null || Math.abs(residualPercent) > limitPercent;
}

/** What may be behind a residual, most likely first. */
function hints(
  recorded: LedgerFigures,
  residual: bigint,
  percent: number | null,
  lines: readonly BillLine[],
  without: ReadonlyMap<string, bigint>,
): string[] {
  const said: string[] = [];
  for (const [currency, amount] of without) {
    said.push(`${formatAmount(amount)} ${currency} are not compared: CLIENT_COST_PRICES has no exchange rate`);
  }
  const { charges, unpriced, unsettled, unattributed, estimated, service } = recorded;
  if (unattributed > 0) said.push(`${unattributed} charges name no client (unattributed)`);
  if (residual === 0n || (percent !== null && Math.abs(percent) < NEGLIGIBLE_PERCENT)) return said;
  if (service.endsWith('_other')) return [...said, 'nothing of this kind is recorded: it belongs to no client'];
  if (unpriced > 0) said.push(`${unpriced} charges have no price: "client-cost prices" says which are known`);
  if (estimated > 0) said.push(`${estimated} charges are of estimated usage`);
  const settles = service.startsWith('twilio') || service === 'stripe';
  if (settles && unsettled > 0) {
    said.push(
      `${unsettled} charges are not settled: "client-cost settle ${service.startsWith('twilio') ? 'twilio' : service}"`,
    );
  }
  if (residual > 0n && charges === 0 && lines.length > 0) {
    said.push(
      'nothing is recorded: are the services that call it started with --require @client-cost/instrumentation/register?',
    );
  } else if (residual > 0n && unpriced + unsettled === 0) {
    said.push(
      'the provider bills more than is recorded: calls of services that are not measured, of consoles or other keys',
    );
  } else if (residual < 0n && unsettled === 0) {
    said.push('more is recorded than billed: discounts, credits or free tiers, or charges of another account');
  } else if (residual < 0n) {
    said.push('list prices are above the bill: discounts, credits or free tiers, or charges of another account');
  }
  return said;
}
