import type { ClickHouseClient } from '@clickhouse/client';
import { checkPeriod } from '../queries/dates.ts';
import type { Period } from '../queries/index.ts';
import { count, select, text } from '../queries/run.ts';
import type { LedgerFigures } from './types.ts';

/** What the ledger holds of some services in a period (days in UTC). Amounts that are not in USD count as unpriced. */
export async function ledgerFigures(
  client: ClickHouseClient,
  period: Period,
  services: readonly string[],
): Promise<LedgerFigures[]> {
  const { from, to } = checkPeriod(period);
  const rows = await select(
    client,
    `SELECT service, count() AS charges,
       sum(if(currency = 'USD', ifNull(toDecimal128(cost, 12), toDecimal128(0, 12)), toDecimal128(0, 12))) AS usd,
       countIf(cost IS NULL OR currency != 'USD') AS unpriced,
       countIf(cost_source != 'provider') AS unsettled,
       countIf(client_id = 'unattributed') AS unattributed,
       countIf(cost_source = 'estimated') AS estimated
     FROM usage_events_current
     WHERE time >= toDateTime64({from:Date}, 9, 'UTC') AND time < toDateTime64({to:Date} + 1, 9, 'UTC')
       AND has({services:Array(String)}, service)
     GROUP BY service`,
    { from, to, services },
  );
  return rows.map((row) => ({
    service: text(row, 'service'),
    charges: count(row, 'charges'),
    cost: text(row, 'usd'),
    unpriced: count(row, 'unpriced'),
    unsettled: count(row, 'unsettled'),
    unattributed: count(row, 'unattributed'),
    estimated: count(row, 'estimated'),
  }));
}
