import { type ClickHouseClient, ClickHouseError } from '@clickhouse/client';
import type { SmsDeps } from '../types.ts';

export interface PendingEvent {
  readonly id: string;
  readonly row: string;
}

/** Rows of one insert. */
export const BATCH = 500;
/** An answer that takes longer does not come. */
const INSERT_MS = 30_000;
/** Exported events are kept here so long. */
export const KEEP_MS = 30 * 86_400_000;

/** The oldest events that ClickHouse does not have yet. */
export function pendingEvents(
  { db }: Pick<SmsDeps, 'db'>,
  limit = BATCH,
  except: ReadonlySet<string> = new Set(),
): PendingEvent[] {
  const rows = db
    .prepare('SELECT id, row FROM events WHERE exported_at IS NULL ORDER BY at, rowid LIMIT ?')
    .all(limit + except.size) as unknown as PendingEvent[];
  return rows.filter(({ id }) => !except.has(id)).slice(0, limit);
}

export function pendingCount({ db }: Pick<SmsDeps, 'db'>): number {
  return (db.prepare('SELECT COUNT(*) AS count FROM events WHERE exported_at IS NULL').get() as { count: number })
    .count;
}

/**
 * Writes events to `usage_alerts` and marks them as written. The same event twice is one there: where nobody knows whether rows arrived, they
 * are sent again.
 *
 * @throws ClickHouseError where ClickHouse answered, another error where it did not
 */
export async function exportEvents(
  deps: SmsDeps,
  client: ClickHouseClient,
  events: readonly PendingEvent[],
  signal: AbortSignal,
): Promise<void> {
  // The client does not notice a signal that was given before the request.
  signal.throwIfAborted();
  await client.insert({
    abort_signal: AbortSignal.any([signal, AbortSignal.timeout(INSERT_MS)]),
    table: 'usage_alerts',
    format: 'JSONEachRow',
    values: events.map(({ row }) => withoutNumbers(JSON.parse(row) as Record<string, unknown>)),
    // The answer means that the rows are there.
    clickhouse_settings: { async_insert: 0, insert_deduplicate: 0 },
  });
  const at = deps.clock.now();
  const ids = JSON.stringify(events.map(({ id }) => id));
  deps.db.prepare('UPDATE events SET exported_at = ? WHERE id IN (SELECT value FROM json_each(?))').run(at, ids);
}

/** Twilio names the number in its errors; the ledger knows people by name. */
function withoutNumbers(row: Record<string, unknown>): Record<string, unknown> {
  return typeof row.error === 'string' ? { ...row, error: row.error.replace(/\+\d{7,15}/g, '[number]') } : row;
}

/** Removes what ClickHouse has had for {@link KEEP_MS}, and ids of texts that came in before that. */
export function prune({ db, clock }: SmsDeps): void {
  const before = clock.now() - KEEP_MS;
  db.prepare('DELETE FROM events WHERE exported_at < ?').run(before);
  db.prepare('DELETE FROM inbound WHERE at < ?').run(before);
}

/** Whether ClickHouse took offence at the rows themselves, not at its own state: these error codes speak of values and types. */
export function isAboutRows(error: unknown): boolean {
  return error instanceof ClickHouseError && ROW_ERRORS.has(String(error.code));
}

// CANNOT_PARSE_TEXT, …_NUMBER, …_DATETIME, …_UUID, INCORRECT_DATA, TYPE_MISMATCH, ARGUMENT_OUT_OF_BOUND, VALUE_IS_OUT_OF_RANGE…
const ROW_ERRORS = new Set(['6', '26', '27', '38', '41', '53', '69', '72', '117', '321', '376']);
