import type { ClickHouseClient } from '@clickhouse/client';
import { checkDay, checkPeriod, daysOf, type Period, QueryInputError } from '../queries/dates.ts';
import { type Row, select } from '../queries/run.ts';
import { LEDGER_COLUMNS, type LedgerRow, ledgerRow } from './row.ts';

/** Which charges: all conditions hold. `from` and `to` are days (UTC), both included. */
export interface ChargeFilter extends Period {
  readonly services?: readonly string[] | undefined;
  readonly operations?: readonly string[] | undefined;
  readonly clientId?: string | undefined;
  /** `price_book`, `estimated`, `provider`, `unpriced`. */
  readonly costSources?: readonly string[] | undefined;
  readonly externalIds?: readonly string[] | undefined;
  /** Only charges that carry the provider's own id. */
  readonly withExternalId?: boolean | undefined;
  /** Also what was taken back (`is_deleted` is 1), as its last version says. Default false. */
  readonly withTakenBack?: boolean | undefined;
  /** Most rows of a page. Default 5,000. */
  readonly pageSize?: number | undefined;
  /** Goes on behind this charge of day `from` (for work that was broken off). */
  readonly after?: { readonly time: string; readonly usage_id: string } | undefined;
}

/**
 * The charges of a period (newest versions, without what was taken back unless asked for), oldest first, page by page. A page is one query, so a caller may
 * take as long as it likes over it, and what is written between two pages is seen by later ones.
 *
 * @throws QueryInputError on a filter that cannot be used
 */
export async function* readCharges(
  client: ClickHouseClient,
  filter: ChargeFilter,
): AsyncGenerator<readonly LedgerRow[], void> {
  const period = checkPeriod(filter);
  const limit = filter.pageSize ?? 5_000;
  if (!Number.isInteger(limit) || limit < 1) {
    throw new QueryInputError(`pageSize ${String(filter.pageSize)}: expected a whole number from 1 up`);
  }
  const { conditions, params } = conditionsOf(filter);
  let after =
    filter.after === undefined ? undefined : { nano: nanoseconds(filter.after.time), id: filter.after.usage_id };
  for (const day of await daysWithCharges(client, period)) {
    for (;;) {
      const rows: Row[] = await select(
        client,
        `SELECT ${LEDGER_COLUMNS.join(', ')}, toUnixTimestamp64Nano(time) AS nano
         FROM ${filter.withTakenBack ? 'usage_events FINAL' : 'usage_events_current'}
         WHERE time >= toDateTime64({day:Date}, 9, 'UTC') AND time < toDateTime64({day:Date} + 1, 9, 'UTC')${conditions}
           ${after === undefined ? '' : 'AND (toUnixTimestamp64Nano(time), usage_id) > ({nano:Int64}, {id:UUID})'}
         ORDER BY time, usage_id LIMIT {limit:UInt32}`,
        { ...params, day, limit, ...after },
        { date_time_output_format: 'iso' },
      );
      if (rows.length > 0) yield rows.map(ledgerRow);
      const last = rows.at(-1);
      if (last === undefined || rows.length < limit) break;
      after = { nano: String(last.nano), id: String(last.usage_id) };
    }
    after = undefined;
  }
}

/** The same in one, by `usage_id`: for few charges. */
export async function chargesById(client: ClickHouseClient, filter: ChargeFilter): Promise<Map<string, LedgerRow>> {
  const found = new Map<string, LedgerRow>();
  for await (const page of readCharges(client, filter)) for (const row of page) found.set(row.usage_id, row);
  return found;
}

/** The days of a period that hold any row: a long period of few charges is few queries. */
async function daysWithCharges(client: ClickHouseClient, period: Period): Promise<string[]> {
  const found = await select(
    client,
    `SELECT DISTINCT toDate(time, 'UTC') AS day FROM usage_events
     WHERE time >= toDateTime64({from:Date}, 9, 'UTC') AND time < toDateTime64({to:Date} + 1, 9, 'UTC')`,
    { from: period.from, to: period.to },
  );
  const days = new Set(found.map((row) => checkDay('day', row.day)));
  return daysOf(period).filter((day) => days.has(day));
}

function conditionsOf(filter: ChargeFilter): { conditions: string; params: Record<string, unknown> } {
  const params: Record<string, unknown> = {};
  const parts: string[] = [];
  const list = (column: string, name: string, values: readonly string[] | undefined): void => {
    if (values === undefined) return;
    params[name] = values;
    parts.push(`has({${name}:Array(String)}, ${column})`);
  };
  list('service', 'services', filter.services);
  list('operation', 'operations', filter.operations);
  list('cost_source', 'sources', filter.costSources);
  if (filter.externalIds !== undefined) {
    params.externals = filter.externalIds;
    parts.push('external_id IN {externals:Array(String)}');
  }
  if (filter.clientId !== undefined) {
    params.client = filter.clientId;
    parts.push('client_id = {client:String}');
  }
  if (filter.withExternalId === true) parts.push("external_id != ''");
  return { conditions: parts.map((part) => ` AND ${part}`).join(''), params };
}

/** Nanoseconds since 1970 of an ISO time, as a whole number in text. */
function nanoseconds(time: string): string {
  const match = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?Z$/.exec(time);
  const seconds = match === null ? Number.NaN : Date.parse(`${match[1]}Z`) / 1000;
  if (Number.isNaN(seconds))
    throw new QueryInputError(`time ${JSON.stringify(time)}: expected one like 2026-02-01T10:00:00.5Z`);
  return `${seconds}${(match?.[2] ?? '').padEnd(9, '0')}`;
}
