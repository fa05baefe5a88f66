import type { StandInExchange } from '../stand-ins/index.ts';
import type { DemoClient } from './clients.ts';
import { type ExpectedBill, priceOf } from './expected.ts';
import { type Charge, sumBills } from './record.ts';
import type { TrafficResult } from './traffic.ts';

/** What a client used last month. */
export interface LastMonth {
  readonly clientId: string;
  readonly calls: readonly PastCall[];
  readonly purchases: readonly PastPurchase[];
}

export interface PastCall {
  readonly operation: string;
  readonly model: string;
  readonly tokens: { readonly input: number; readonly output: number };
  /** ISO 8601. */
  readonly timestamp: string;
}

export type PastPurchase = Omit<Charge, 'clientId' | 'amount'> & { readonly timestamp: string };

export interface History {
  readonly months: readonly LastMonth[];
  readonly bills: Map<string, ExpectedBill>;
  readonly events: number;
}

/** The month before `YYYY-MM`, January included. */
export function monthBefore(month: string): string {
  const [year, number] = month.split('-').map(Number) as [number, number];
  return new Date(Date.UTC(year, number - 2, 1)).toISOString().slice(0, 7);
}

/**
 * A previous month for the clients that have one: this run's own calls and purchases over again, as many as `lastMonth` says, spread
 * over the days of that month.
 */
export function planLastMonth(
  clients: readonly DemoClient[],
  traffic: readonly TrafficResult[],
  exchanges: readonly StandInExchange[],
  charges: readonly Charge[],
  now: Date,
): History {
  const answered = new Map(exchanges.map((exchange) => [exchange.requestId, exchange]));
  const start = Date.parse(`${monthBefore(now.toISOString().slice(0, 7))}-01T00:00:00Z`);
  const length = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1) - start;
  const bills = new Map<string, ExpectedBill>();
  const months: LastMonth[] = [];
  for (const { id, lastMonth } of clients) {
    const own = traffic.filter(({ clientId }) => clientId === id).map(({ requestId }) => answered.get(requestId ?? ''));
    const count = Math.round(own.length * (lastMonth ?? 0));
    const calls: PastCall[] = [];
    let amount = 0n;
    for (let n = 0; n < count; n += 1) {
      const { usage, body, path } = own[n % own.length] ?? {};
      if (usage === undefined) continue;
      const tokens = { input: usage.input, output: usage.output ?? 0 };
      const timestamp = new Date(start + Math.floor(((n + 0.5) / count) * length)).toISOString();
      calls.push({ operation: operationOf(path ?? ''), model: body.model, tokens, timestamp });
      amount += priceOf(body.model, tokens);
    }
    const bought = charges.filter(({ clientId }) => clientId === id);
    const again = Math.round(bought.length * (lastMonth ?? 0));
    const purchases = Array.from({ length: again }, (_, n) => {
      const { clientId: _client, amount: each, ...usage } = bought[Math.floor((n * bought.length) / again)]!;
      amount += each;
      return { ...usage, timestamp: new Date(start + Math.floor(((n + 0.5) / again) * length)).toISOString() };
    });
    if (calls.length + purchases.length === 0) continue;
    months.push({ clientId: id, calls, purchases });
    bills.set(id, { calls: calls.length + purchases.length, amount });
  }
  return { months, bills, events: [...sumBills(bills).values()].reduce((sum, { calls }) => sum + calls, 0) };
}

function operationOf(path: string): string {
  if (path.endsWith('/embeddings')) return 'embedding';
  return path.endsWith('/responses') ? 'response' : 'chat_completion';
}
