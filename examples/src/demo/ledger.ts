import { setTimeout as sleep } from 'node:timers/promises';
import type { createLedgerClient, MonthlySummary } from '@client-cost/clickhouse';
import { type ExpectedBill, formatPico, parsePico } from './expected.ts';

type LedgerClient = ReturnType<typeof createLedgerClient>;

/** Waits until the ledger holds `events` charges whose cost is known (a phone call's is when it has ended); gives how many it holds at last. */
export async function waitForEvents(client: LedgerClient, events: number, timeoutMs: number): Promise<number> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await client.query({
      query: "SELECT countIf(cost IS NOT NULL OR outcome = 'error') AS n FROM usage_events_current",
      format: 'JSONEachRow',
    });
    const [row] = await answer.json<{ n: string }>();
    const found = Number(row?.n ?? 0);
    if (found >= events || Date.now() > deadline) return found;
    await sleep(150);
  }
}

export interface CheckLine {
  readonly clientId: string;
  readonly expected: string;
  readonly billed: string;
  readonly ok: boolean;
}

/** Every client's bill beside what the provider's answers cost, to the last digit; a client that only one side knows is wrong too. */
export function checkBills(expected: ReadonlyMap<string, ExpectedBill>, summary: MonthlySummary): CheckLine[] {
  const billed = new Map(summary.clients.map((client) => [client.clientId, client]));
  const ids = [...new Set([...expected.keys(), ...billed.keys()])].sort();
  return ids.map((clientId) => {
    const want = expected.get(clientId) ?? { amount: 0n, calls: 0 };
    const bill = billed.get(clientId);
    const got = parsePico(bill?.totalCost ?? '0');
    const ok = got === want.amount && bill?.requests === want.calls && bill.unpricedRequests === 0;
    return { clientId, expected: formatPico(want.amount), billed: formatPico(got), ok };
  });
}
