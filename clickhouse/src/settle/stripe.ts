import type { CallEnd } from '@client-cost/instrumentation/ledger';
import type { LedgerRow } from '../corrections/index.ts';
import { type ApiClient, type Json, stripePages } from '../provider-api/index.ts';
import { amountOf, feeOf } from './stripe-money.ts';
import type { Answer, Settler } from './types.ts';
import { around } from './window.ts';

/** Below this many charges one request each is cheaper than reading lists. */
const LIST_FROM = 20;

const SECONDS = 1_000;

/** Objects that Stripe takes a fee for, by the beginning of their ids, and how one is asked for by itself. */
const COLLECTIONS: Readonly<Record<string, readonly [path: string, expand: string | undefined]>> = {
  ch: ['charges', 'balance_transaction'],
  py: ['charges', 'balance_transaction'],
  pi: ['payment_intents', 'latest_charge.balance_transaction'],
  re: ['refunds', 'balance_transaction'],
  pyr: ['refunds', 'balance_transaction'],
  dp: ['disputes', undefined],
  du: ['disputes', undefined],
};

const CLOSED = new Set(['won', 'lost', 'prevented']);

/** Stripe's fee of each charge, payment, refund and dispute: of its balance transactions, which exist once money has moved. */
export function stripeSettler(client: ApiClient): Settler {
  return {
    services: ['stripe'],
    costSources: ['price_book', 'estimated', 'unpriced', ''],
    canAsk: (row) => collectionOf(row) !== undefined,
    async ask(rows) {
      const answers = new Map<string, Answer>();
      // A dispute's second balance transaction may come months after the first: each is asked for by itself.
      const listed = rows.filter((row) => collectionOf(row)?.[0] !== 'disputes');
      const found = listed.length >= LIST_FROM ? await list(client, listed) : new Map<string, Json[]>();
      await Promise.all(
        rows.map(async (row) => {
          const moved = found.get(row.external_id);
          answers.set(row.usage_id, moved === undefined ? await one(client, row) : final(row, moved));
        }),
      );
      return answers;
    },
  };
}

function collectionOf({ external_id: id }: LedgerRow): readonly [string, string | undefined] | undefined {
  const prefix = /^([a-z]+)_\w+$/.exec(id)?.[1];
  return prefix !== undefined && Object.hasOwn(COLLECTIONS, prefix) ? COLLECTIONS[prefix] : undefined;
}

/** The balance transactions of the days around the charges, by the ids of what they are for. */
async function list(client: ApiClient, rows: readonly LedgerRow[]): Promise<Map<string, Json[]>> {
  const { from, to } = around(rows);
  const wanted = new Set(rows.map(({ external_id: id }) => id));
  const found = new Map<string, Json[]>();
  const query = {
    'created[gte]': Date.parse(from) / SECONDS,
    'created[lt]': Date.parse(to) / SECONDS,
    'expand[]': 'data.source',
  };
  let pages = 0;
  for await (const page of stripePages(client, '/v1/balance_transactions', query)) {
    for (const transaction of page) {
      const source = objectOf(transaction.source);
      const paymentOf =
        transaction.type === 'charge' || transaction.type === 'payment' ? source?.payment_intent : undefined;
      for (const id of [source?.id ?? transaction.source, paymentOf]) {
        if (typeof id === 'string' && wanted.has(id)) found.set(id, [...(found.get(id) ?? []), transaction]);
      }
    }
    pages += 1;
    // In an account with much other traffic the rest is had for less by asking one by one.
    if (wanted.size - found.size < pages) break;
  }
  return found;
}

async function one(client: ApiClient, row: LedgerRow): Promise<Answer> {
  const [path, expand] = collectionOf(row)!;
  const object = await client.find(`/v1/${path}/${row.external_id}`, { 'expand[]': expand });
  if (object === undefined) return { kind: 'missing' };
  const none = notBilled(path, object);
  if (none !== undefined) return { kind: 'final', end: { ...none, quantity: 0, billed: false } };
  // Countering a dispute has a fee of its own, and winning one may give it back: only the end is the end.
  if (path === 'disputes' && !CLOSED.has(String(object.status))) return { kind: 'open' };
  const holder = path === 'payment_intents' ? objectOf(object.latest_charge) : object;
  const transactions = path === 'disputes' ? object.balance_transactions : [holder?.balance_transaction];
  const moved = (Array.isArray(transactions) ? transactions : []).map(objectOf).filter((one) => one !== undefined);
  return moved.length === 0 ? { kind: 'open' } : final(row, moved);
}

/** What came to nothing: Stripe takes no fee for it. */
function notBilled(path: string, object: Json): Pick<CallEnd, 'outcome' | 'errorType'> | undefined {
  if (path === 'charges' && object.status === 'failed') return { outcome: 'error', errorType: 'failed' };
  if (path === 'payment_intents' && object.status === 'canceled') return { outcome: 'aborted' };
  // An inquiry that did not become a dispute.
  if (path === 'disputes' && object.status === 'warning_closed') return { outcome: 'ok' };
  return undefined;
}

function final(row: LedgerRow, transactions: readonly Json[]): Answer {
  const fee = feeOf(transactions);
  if (fee === undefined) return { kind: 'open' };
  // What was captured or refunded in the end. A dispute's sum may come back; it was in dispute all the same.
  const usd = fee.currency === 'USD';
  const moved = (usd || row.unit === fee.currency.toLowerCase()) && collectionOf(row)?.[0] !== 'disputes';
  return {
    kind: 'final',
    end: {
      outcome: row.outcome === 'error' || row.outcome === 'aborted' ? row.outcome : 'ok',
      errorType: row.error_type,
      cost: fee.amount,
      costCurrency: fee.currency,
      ...(moved && { quantity: amountOf(transactions), ...(usd && { unit: 'usd' }) }),
    },
  };
}

const objectOf = (value: unknown): Json | undefined =>
  typeof value === 'object' && value !== null ? (value as Json) : undefined;
