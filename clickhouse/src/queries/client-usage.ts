import type { ClickHouseClient } from '@clickhouse/client';
import { checkClientId, checkDay, checkPeriod, daysInMonth, daysOf, type Period, utcDay } from './dates.ts';
import { count, type Figures, figures, NO_FIGURES, type Row, select, text } from './run.ts';

export interface ServiceUsage extends Figures {
  readonly service: string;
  /** Part of the total cost in percent, two decimals; null when nothing cost anything. */
  readonly costSharePercent: number | null;
}

export interface DayUsage extends Figures {
  readonly day: string;
}

export interface OperationUsage extends Figures {
  readonly service: string;
  readonly operation: string;
}

export interface ModelUsage extends Figures {
  readonly service: string;
  readonly provider: string;
  readonly model: string;
  readonly cacheReadTokens: number;
  readonly reasoningTokens: number;
}

export interface ClientUsageSummary {
  readonly clientId: string;
  readonly from: string;
  readonly to: string;
  readonly total: Figures;
  /** Dearest first. */
  readonly byService: readonly ServiceUsage[];
  /** Every day of the period, also those without usage. */
  readonly byDay: readonly DayUsage[];
  /** All of them, dearest first. */
  readonly operations: readonly OperationUsage[];
  /** The ten that cost most. */
  readonly topOperations: readonly OperationUsage[];
  /** Model calls only, dearest first. */
  readonly models: readonly ModelUsage[];
}

/**
 * One client's usage over a period, days `from` to `to` inclusive (UTC): one query over the view `client_usage`.
 *
 * @param client a client whose database is the ledger's, see `createLedgerClient`
 * @throws QueryInputError on an argument that cannot be used, the client's error otherwise
 */
export async function getClientUsageSummary(
  client: ClickHouseClient,
  options: Period & { readonly clientId: string },
): Promise<ClientUsageSummary> {
  const { from, to } = checkPeriod(options);
  const clientId = checkClientId(options.clientId);
  const rows = await select(
    client,
    `SELECT * FROM client_usage(client_id = {clientId:String}, first_day = {from:Date}, last_day = {to:Date})
     ORDER BY section, cost DESC, requests DESC, service, operation, model, day`,
    { clientId, from, to },
  );
  const section = (name: string): Row[] => rows.filter((row) => row.section === name);
  const total = section('total').map(figures)[0] ?? NO_FIGURES;
  const operations = section('operation').map((row) => ({
    service: text(row, 'service'),
    operation: text(row, 'operation'),
    ...figures(row),
  }));
  const byDay = new Map(section('day').map((row) => [text(row, 'day'), figures(row)]));
  return {
    clientId,
    from,
    to,
    total,
    byService: section('service').map((row) => ({
      service: text(row, 'service'),
      ...figures(row),
      costSharePercent: share(text(row, 'cost'), total.cost),
    })),
    byDay: daysOf({ from, to }).map((day) => ({ day, ...(byDay.get(day) ?? NO_FIGURES) })),
    operations,
    topOperations: operations.slice(0, 10),
    models: section('model')
      .filter((row) => text(row, 'model') !== '' || text(row, 'provider') !== '')
      .map(modelUsage),
  };
}

export function modelUsage(row: Row): ModelUsage {
  return {
    service: text(row, 'service'),
    provider: text(row, 'provider'),
    model: text(row, 'model'),
    ...figures(row),
    cacheReadTokens: count(row, 'cache_read_tokens'),
    reasoningTokens: count(row, 'reasoning_tokens'),
  };
}

/** A ratio is no amount: a float is right for it. */
function share(part: string, whole: string): number | null {
  return Number(whole) === 0 ? null : Math.round((Number(part) / Number(whole)) * 10_000) / 100;
}

export interface CurrentMonthUsage {
  readonly clientId: string;
  readonly month: string;
  readonly asOf: string;
  /** From the first of the month to `asOf`, inclusive. */
  readonly cost: string;
  readonly dayOfMonth: number;
  readonly daysInMonth: number;
  readonly daysRemaining: number;
  /** cost / day of month, rounded to 12 decimals. */
  readonly dailyAverage: string;
  /** cost / day of month × days in month, rounded to 12 decimals. */
  readonly projectedCost: string;
  readonly requests: number;
  readonly unpricedRequests: number;
  readonly estimatedRequests: number;
}

/**
 * A client's month so far. `asOf` (default: today, UTC) is the last day counted.
 *
 * @throws QueryInputError on an argument that cannot be used, the client's error otherwise
 */
export async function getCurrentMonthUsage(
  client: ClickHouseClient,
  options: { readonly clientId: string; readonly asOf?: string | undefined },
): Promise<CurrentMonthUsage> {
  const clientId = checkClientId(options.clientId);
  const asOf = checkDay('asOf', options.asOf ?? utcDay());
  const rows = await select(
    client,
    'SELECT * FROM current_month(as_of = {asOf:Date}) WHERE client_id = {clientId:String}',
    {
      clientId,
      asOf,
    },
  );
  const row = rows[0] ?? {};
  const month = asOf.slice(0, 7);
  const dayOfMonth = Number(asOf.slice(8));
  return {
    clientId,
    month,
    asOf,
    cost: text(row, 'cost') || '0',
    dayOfMonth,
    daysInMonth: daysInMonth(month),
    daysRemaining: daysInMonth(month) - dayOfMonth,
    dailyAverage: text(row, 'daily_average') || '0',
    projectedCost: text(row, 'projected_cost') || '0',
    requests: count(row, 'requests'),
    unpricedRequests: count(row, 'unpriced_requests'),
    estimatedRequests: count(row, 'estimated_requests'),
  };
}
