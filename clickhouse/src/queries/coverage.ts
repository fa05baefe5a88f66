import type { ClickHouseClient } from '@clickhouse/client';
import { checkClientId, checkPeriod, type Period } from './dates.ts';
import { count, select, text } from './run.ts';

/** Of one service: what was estimated beside what its provider then charged. Amounts are decimal text in USD. */
export interface Settlement {
  readonly service: string;
  readonly requests: number;
  /** Whose cost is the provider's own figure. */
  readonly providerRequests: number;
  /** Of them, those with a figure from before to compare with: the three amounts are theirs. */
  readonly settledRequests: number;
  readonly estimatedCost: string;
  readonly settledCost: string;
  /** Settled minus estimated. */
  readonly difference: string;
}

/** The estimate beside the settled cost, per service; of one client when `clientId` is given. */
export async function getSettlement(
  client: ClickHouseClient,
  options: Period & { readonly clientId?: string | undefined },
): Promise<Settlement[]> {
  const { from, to } = checkPeriod(options);
  const clientId = options.clientId === undefined ? '' : checkClientId(options.clientId);
  const rows = await select(
    client,
    `SELECT service, sum(requests) AS requests, sum(provider_requests) AS provider_requests, sum(settled_requests) AS settled_requests,
       sum(estimated_cost) AS estimated_cost, sum(settled_cost) AS settled_cost, sum(difference) AS difference
     FROM usage_settlement(first_day = {from:Date}, last_day = {to:Date})
     WHERE {clientId:String} = '' OR client_id = {clientId:String}
     GROUP BY service ORDER BY service`,
    { from, to, clientId },
  );
  return rows.map((row) => ({
    service: text(row, 'service'),
    requests: count(row, 'requests'),
    providerRequests: count(row, 'provider_requests'),
    settledRequests: count(row, 'settled_requests'),
    estimatedCost: text(row, 'estimated_cost'),
    settledCost: text(row, 'settled_cost'),
    difference: text(row, 'difference'),
  }));
}

/** Usage without a price, and why. */
export interface Unpriced {
  readonly service: string;
  readonly operation: string;
  /** SKU, else model. */
  readonly item: string;
  /** Empty where the service did not say. */
  readonly reason: string;
  readonly requests: number;
}

/** What has no price, most first. */
export async function getUnpriced(client: ClickHouseClient, options: Period): Promise<Unpriced[]> {
  const { from, to } = checkPeriod(options);
  const rows = await select(
    client,
    `SELECT * FROM usage_unpriced(first_day = {from:Date}, last_day = {to:Date})
     ORDER BY requests DESC, service, operation, item, reason LIMIT 1000`,
    { from, to },
  );
  return rows.map((row) => ({
    service: text(row, 'service'),
    operation: text(row, 'operation'),
    item: text(row, 'item'),
    reason: text(row, 'reason'),
    requests: count(row, 'requests'),
  }));
}
