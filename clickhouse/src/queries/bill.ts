import type { ClickHouseClient } from '@clickhouse/client';
import { checkClientId, checkMonth } from './dates.ts';
import { count, type Row, select, text, textOrNull } from './run.ts';

/** What one operation of one SKU or model came to. Money is decimal text in USD. */
export interface BillLine {
  readonly service: string;
  readonly operation: string;
  /** SKU, else model; empty where there is neither. */
  readonly item: string;
  readonly unit: string;
  /** `client`: at a price of the client's own. `list`: at list-price cost. */
  readonly pricedBy: 'list' | 'client';
  readonly usdPerUnit: string | null;
  readonly usdPerMillionInput: string | null;
  readonly usdPerMillionOutput: string | null;
  readonly requests: number;
  readonly quantity: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** As recorded; no price of a client changes it. */
  readonly listCost: string;
  readonly billedCost: string;
  /** Requests that are not in `billedCost`, because they have no price. */
  readonly unpricedRequests: number;
}

export interface ClientBill {
  readonly clientId: string;
  readonly clientName: string;
  readonly month: string;
  /** Dearest first. Up to 12 decimals, not rounded to cents. */
  readonly lines: readonly BillLine[];
  readonly listCost: string;
  readonly billedCost: string;
  readonly marginPercent: string | null;
  /** USD a month. */
  readonly marginFixed: string | null;
  /** Percentage of the billed cost and the fixed amount. */
  readonly margin: string;
  /** Billed cost and margin, rounded to cents once, half away from zero. */
  readonly total: string;
  readonly unpricedRequests: number;
}

/**
 * One client's bill for a month (UTC): list cost, or the client's own prices where one holds on the day of the call, and the margin.
 *
 * @throws QueryInputError on an argument that cannot be used, the client's error otherwise
 */
export async function getClientBill(
  client: ClickHouseClient,
  options: { readonly clientId: string; readonly month: string },
): Promise<ClientBill> {
  const clientId = checkClientId(options.clientId);
  const month = checkMonth('month', options.month);
  const [rows, known] = await Promise.all([
    select(client, 'SELECT * FROM client_bill(client_id = {clientId:String}, month = {month:String})', {
      clientId,
      month,
    }),
    select(client, 'SELECT name FROM clients_current WHERE id = {clientId:String}', { clientId }),
  ]);
  const total: Row = rows.find((row) => row.section === 'total') ?? {};
  const lines = rows.filter((row) => row.section === 'line').map(billLine);
  return {
    clientId,
    clientName: text(known[0] ?? {}, 'name') || clientId,
    month,
    lines,
    listCost: text(total, 'list_cost'),
    billedCost: text(total, 'billed_cost'),
    marginPercent: textOrNull(total, 'margin_percent'),
    marginFixed: textOrNull(total, 'margin_fixed'),
    margin: text(total, 'margin'),
    total: cents(text(total, 'total')),
    unpricedRequests: count(total, 'unpriced_requests'),
  };
}

/** Two decimals, always: it is what is asked for. */
function cents(amount: string): string {
  const [whole = '0', fraction = ''] = amount.split('.');
  return `${whole}.${fraction.padEnd(2, '0')}`;
}

function billLine(row: Row): BillLine {
  return {
    service: text(row, 'service'),
    operation: text(row, 'operation'),
    item: text(row, 'item'),
    unit: text(row, 'unit'),
    pricedBy: text(row, 'priced_by') === 'client' ? 'client' : 'list',
    usdPerUnit: textOrNull(row, 'usd_per_unit'),
    usdPerMillionInput: textOrNull(row, 'usd_per_million_input'),
    usdPerMillionOutput: textOrNull(row, 'usd_per_million_output'),
    requests: count(row, 'requests'),
    quantity: text(row, 'quantity'),
    inputTokens: count(row, 'input_tokens'),
    outputTokens: count(row, 'output_tokens'),
    listCost: text(row, 'list_cost'),
    billedCost: text(row, 'billed_cost'),
    unpricedRequests: count(row, 'unpriced_requests'),
  };
}
