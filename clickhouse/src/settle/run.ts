import type { ClickHouseClient } from '@clickhouse/client';
import type { PriceBook } from '@client-cost/instrumentation/ledger';
import { type LedgerRow, readCharges, writeCharges } from '../corrections/index.ts';
import { checkPeriod } from '../queries/dates.ts';
import { applyUpdates, type Period } from '../queries/index.ts';
import { count, select, text } from '../queries/run.ts';
import { correct } from './correct.ts';
import type { Progress } from './state.ts';
import { Tally } from './tally.ts';
import type { ServiceOutcome, Settler } from './types.ts';

export interface SettleOptions extends Period {
  readonly settler: Settler;
  readonly book: PriceBook;
  /** Ask and count, write nothing. */
  readonly dryRun?: boolean | undefined;
  /** Goes on behind this charge. */
  readonly after?: Progress['after'] | undefined;
  /** Charges that are asked for and written together. Default 1,000. */
  readonly pageSize?: number | undefined;
  /** After each page, when its corrections are stored. */
  readonly onPage?: (done: { readonly asked: number; readonly last: LedgerRow }) => void;
  /** A charge whose answer cannot be used, with the reason. */
  readonly onUnusable?: (row: LedgerRow, reason: string) => void;
}

/**
 * Asks the provider about every charge of the period that does not carry its figure yet, and writes what it says as a newer version. The ledger is the
 * state: what is settled is not asked for again, so a run that was broken off is simply run again, and a second run changes nothing.
 *
 * @throws ProviderApiError when the provider cannot be asked; what was settled until then stays
 */
export async function settle(client: ClickHouseClient, options: SettleOptions): Promise<ServiceOutcome[]> {
  const { settler, book, after } = options;
  const period = checkPeriod(options);
  // What a callback has said already comes first.
  if (options.dryRun !== true) await applyUpdates(client);
  const before = await countCharges(client, period, settler.services);
  const tallies = new Map<string, Tally>();
  const tally = (service: string): Tally => {
    const known = tallies.get(service) ?? new Tally();
    tallies.set(service, known);
    return known;
  };

  let asked = 0;
  const filter = {
    from: after === undefined ? period.from : after.time.slice(0, 10),
    to: period.to,
    services: settler.services,
    costSources: settler.costSources,
    pageSize: options.pageSize ?? 1_000,
    after,
  };
  for await (const page of readCharges(client, filter)) {
    const rows = page.filter((row) => settler.canAsk(row));
    for (const row of page) if (!settler.canAsk(row)) tally(row.service).count('notAsked');
    const changed = rows.length === 0 ? [] : await settlePage(rows, options, book, tally);
    // A newer version may have come in meanwhile: it is settled by the next run.
    if (options.dryRun !== true && changed.length > 0) await writeCharges(client, changed, { stale: 'skip' });
    asked += rows.length;
    options.onPage?.({ asked, last: page.at(-1)! });
  }

  return settler.services
    .filter((service) => before.has(service) || tallies.has(service))
    .map((service) => {
      const { recorded = 0, settled = 0 } = before.get(service) ?? {};
      return tally(service).outcome(service, recorded, settled);
    });
}

async function settlePage(
  rows: readonly LedgerRow[],
  { settler, onUnusable }: SettleOptions,
  book: PriceBook,
  tally: (service: string) => Tally,
): Promise<LedgerRow[]> {
  const answers = await settler.ask(rows);
  const changed: LedgerRow[] = [];
  for (const row of rows) {
    const answer = answers.get(row.usage_id) ?? { kind: 'missing' };
    const own = tally(row.service);
    if (answer.kind === 'open') own.count('notYetPriced');
    else if (answer.kind === 'missing') own.count('notFound');
    else {
      const result = correct(row, answer.end, book);
      if (result.kind === 'unchanged') own.count('unchanged');
      else if (result.kind === 'unusable') {
        own.count('unusable');
        onUnusable?.(row, result.reason);
      } else {
        own.settle(row, result.row);
        changed.push(result.row);
      }
    }
  }
  return changed;
}

async function countCharges(
  client: ClickHouseClient,
  period: Period,
  services: readonly string[],
): Promise<Map<string, { recorded: number; settled: number }>> {
  const rows = await select(
    client,
    `SELECT service, count() AS recorded, countIf(cost_source = 'provider') AS settled FROM usage_events_current
     WHERE time >= toDateTime64({from:Date}, 9, 'UTC') AND time < toDateTime64({to:Date} + 1, 9, 'UTC')
       AND has({services:Array(String)}, service)
     GROUP BY service`,
    { from: period.from, to: period.to, services },
  );
  return new Map(
    rows.map((row) => [text(row, 'service'), { recorded: count(row, 'recorded'), settled: count(row, 'settled') }]),
  );
}
