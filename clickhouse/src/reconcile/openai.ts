import { formatAmount } from '@client-cost/instrumentation/ledger';
import { type ApiClient, type Json, openaiPages } from '../provider-api/index.ts';
import { addDays, type Period } from '../queries/index.ts';
import { readAmount } from './amount.ts';
import type { Bill, BillLine } from './types.ts';

const SECONDS = 1_000;

/** A month of the organisation's costs by line item. OpenAI's days are UTC. Its `amount.value` is a number: read as the decimal it is written as. */
export async function openaiBill(client: ApiClient, period: Period): Promise<Bill> {
  const items = new Map<string, BillLine & { pico: bigint }>();
  let unread = 0;
  const query = {
    start_time: Date.parse(period.from) / SECONDS,
    end_time: Date.parse(addDays(period.to, 1)) / SECONDS,
    bucket_width: '1d',
    limit: 31,
    'group_by[]': 'line_item',
  };
  for await (const page of openaiPages(client, '/v1/organization/costs', query)) {
    for (const bucket of page) {
      const results = Array.isArray(bucket.results) ? (bucket.results as readonly Json[]) : [];
      for (const { amount, line_item: item } of results) {
        const { value, currency } = (amount ?? {}) as Json;
        const said = readAmount(value);
        if (said === undefined) {
          unread += 1;
          continue;
        }
        const name = typeof item === 'string' ? item : 'all';
        const code = typeof currency === 'string' ? currency.toUpperCase() : 'USD';
        const key = `${name} ${code}`;
        const pico = (items.get(key)?.pico ?? 0n) + said;
        items.set(key, { service: 'openai', item: name, currency: code, amount: '', pico });
      }
    }
  }
  const lines = [...items.values()].map(({ pico, ...line }) => ({ ...line, amount: formatAmount(pico) }));
  return {
    lines: lines.sort((a, b) => (a.item < b.item ? -1 : 1)),
    notes: unread === 0 ? [] : [`${unread} results hold no readable amount`],
  };
}
