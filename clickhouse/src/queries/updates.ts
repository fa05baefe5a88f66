import type { ClickHouseClient } from '@clickhouse/client';
import { LEDGER_COLUMNS } from '../corrections/row.ts';
import { QueryInputError } from './dates.ts';
import { count, select } from './run.ts';

const MAX_PASSES = 5;

/**
 * Brings every waiting update (a later report about a charge, `usage_updates`) to its charge now, whatever its age: what the view
 * `usage_updates_apply` does every few seconds for those that came in lately, from the same SQL. Safe to repeat and beside that view.
 *
 * @param options.waitSeconds how long an update must have waited for its charge before it becomes one of its own. Default 300
 * @returns the number of ledger rows written; 0 when nothing was due
 */
export async function applyUpdates(
  client: ClickHouseClient,
  options: { readonly waitSeconds?: number | undefined } = {},
): Promise<number> {
  const wait = options.waitSeconds ?? 300;
  if (!Number.isInteger(wait) || wait < 0)
    throw new QueryInputError(`waitSeconds ${String(wait)}: expected a whole number of seconds`);
  const due = 'usage_updates_due(wait_seconds = {wait:UInt32})';
  const columns = [...LEDGER_COLUMNS, 'ingested_at'].join(', ');
  let written = 0;
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const rows = await select(client, `SELECT count() AS n FROM ${due}`, { wait });
    const n = count(rows[0] ?? {}, 'n');
    if (n === 0) break;
    await client.command({
      query: `INSERT INTO usage_events (${columns}) SELECT ${columns} FROM ${due}`,
      query_params: { wait },
    });
    written += n;
  }
  return written;
}
