import type { ClickHouseClient } from '@clickhouse/client';
import { QueryInputError } from '../queries/dates.ts';
import { select } from '../queries/run.ts';
import { LEDGER_COLUMNS, type LedgerRow } from './row.ts';

// Their ids are one parameter of a query, which ClickHouse bounds at 256 KiB (max_query_size).
const CHUNK = 5_000;

/** A correction that is not newer than what the ledger holds; nothing of its chunk was written. */
export class StaleCorrectionError extends Error {
  override readonly name = 'StaleCorrectionError';
}

export interface WriteOptions {
  /** What to do with a row whose version is not above the ledger's: `refuse` (default) writes nothing, `skip` leaves it out. */
  readonly stale?: 'refuse' | 'skip' | undefined;
}

/**
 * Writes versions of charges to the ledger, 5,000 at a time: corrections of charges that are there (their version must be the higher one) and new ones.
 * Resolves with the number of rows written once ClickHouse has them. Reports follow at once.
 *
 * @throws StaleCorrectionError when a row is not newer than the ledger's, QueryInputError when one cannot be stored, the client's error otherwise
 */
export async function writeCharges(
  client: ClickHouseClient,
  rows: readonly LedgerRow[],
  options: WriteOptions = {},
): Promise<number> {
  for (const row of rows) check(row);
  let written = 0;
  for (let start = 0; start < rows.length; start += CHUNK) {
    const chunk = await newer(client, rows.slice(start, start + CHUNK), options.stale ?? 'refuse');
    if (chunk.length === 0) continue;
    const ingested_at = await arrival(client);
    await client.insert({
      table: 'usage_events',
      columns: [...LEDGER_COLUMNS, 'ingested_at'],
      values: chunk.map((row) => ({ ...row, time: row.time.replace('T', ' ').replace('Z', ''), ingested_at })),
      format: 'JSONEachRow',
      // Acknowledged when it is stored: a correction must not get lost between two buffers.
      clickhouse_settings: { async_insert: 0, throw_on_max_partitions_per_insert_block: 0 },
    });
    written += chunk.length;
  }
  return written;
}

/**
 * The time of arrival, by ClickHouse's clock: reports look for what arrived since the last refresh, and the clock of whoever runs a command may be hours
 * behind. Never before that refresh, as for events (0021).
 */
async function arrival(client: ClickHouseClient): Promise<string> {
  const [row] = await select(
    client,
    `SELECT toString(greatest(toTimeZone(now64(3), 'UTC'),
       (SELECT toDateTime64(max(refreshed_at), 3, 'UTC') FROM usage_daily WHERE client_id = '' AND service = 'refresh'))) AS at`,
  );
  return String(row!.at);
}

/** The rows that are newer than the ledger's. */
async function newer(
  client: ClickHouseClient,
  rows: readonly LedgerRow[],
  stale: 'refuse' | 'skip',
): Promise<LedgerRow[]> {
  const found = await select(
    client,
    `SELECT usage_id, toString(max(version)) AS newest FROM usage_events
     WHERE (UUIDv7ToDateTime(usage_id, 'UTC'), usage_id) IN (
       SELECT UUIDv7ToDateTime(id, 'UTC'), id FROM (SELECT arrayJoin({ids:Array(UUID)}) AS id)
     ) GROUP BY usage_id`,
    { ids: rows.map(({ usage_id }) => usage_id) },
  );
  const newest = new Map(found.map((row) => [String(row.usage_id), BigInt(String(row.newest))]));
  return rows.filter((row) => {
    const known = newest.get(row.usage_id.toLowerCase());
    if (known === undefined || BigInt(row.version) > known) return true;
    if (stale === 'skip') return false;
    throw new StaleCorrectionError(
      `version ${row.version} of charge ${row.usage_id} is not above the ledger's ${known}: read it again and correct that`,
    );
  });
}

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** What the view for arriving events refuses must not come in by this door either. */
function check(row: LedgerRow): void {
  const bad = (column: keyof LedgerRow, expected: string): never => {
    throw new QueryInputError(
      `charge ${row.usage_id}: ${column} ${JSON.stringify(row[column]) ?? 'undefined'}: expected ${expected}`,
    );
  };
  if (!UUID.test(row.usage_id)) bad('usage_id', 'a UUID');
  if (!/^[1-9]\d{0,18}$/.test(row.version)) bad('version', 'a whole number from 1 up, as text');
  if (row.service === '') bad('service', 'a name');
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/.test(row.time))
    bad('time', 'a time like 2026-02-01T10:00:00Z');
  if (!/^\d{1,15}(\.\d{1,12})?$/.test(row.quantity)) bad('quantity', 'a decimal text of at most 12 decimals');
  for (const column of ['cost', 'estimated_cost'] as const) {
    const value = row[column];
    if (value !== null && (typeof value !== 'string' || !/^\d{1,6}(\.\d{1,12})?$/.test(value))) {
      bad(column, 'null or a decimal text from 0 to 999999.999999999999');
    }
  }
  if (row.original_cost !== null && !/^\d{1,15}(\.\d{1,12})?$/.test(row.original_cost)) {
    bad('original_cost', 'null or a decimal text of at most 12 decimals');
  }
}
