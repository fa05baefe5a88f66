import type { ClickHouseClient } from '@clickhouse/client';
import { checkPeriod, daysOf, type Period } from './dates.ts';

/**
 * Rebuilds the daily rollup from the ledger, one day at a time, oldest first. Safe beside the refreshes and beside another backfill: each
 * day becomes a new generation, and the newest one counts.
 *
 * @param onDay called after each day with the number of days done and of all
 * @returns the number of days rebuilt
 */
export async function backfill(
  client: ClickHouseClient,
  options: Period & { readonly onDay?: ((day: string, done: number, all: number) => void) | undefined },
): Promise<number> {
  const days = daysOf(checkPeriod(options));
  for (const [index, day] of days.entries()) {
    await client.command({
      query: `INSERT INTO usage_daily
        WITH (
          -- Also where the server's clock was set back.
          SELECT greatest(toTimeZone(now64(6), 'UTC'), max(refreshed_at) + INTERVAL 1 MICROSECOND)
          FROM usage_daily WHERE client_id = '' AND day = {day:Date}
        ) AS generation
        SELECT figures.*, generation AS refreshed_at
        FROM (
          SELECT * FROM usage_daily_computed WHERE day = {day:Date}
          UNION ALL
          SELECT {day:Date}, '', 'backfill', '', '', '', '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
        ) AS figures`,
      query_params: { day },
    });
    options.onDay?.(day, index + 1, days.length);
  }
  return days.length;
}

/** Refreshes the rollup of the recent days now and waits until it is done. Needs the right SYSTEM VIEWS. */
export async function refreshDaily(client: ClickHouseClient): Promise<void> {
  await client.command({ query: 'SYSTEM REFRESH VIEW usage_daily_refresh' });
  await client.command({ query: 'SYSTEM WAIT VIEW usage_daily_refresh' });
}
