import { Command } from 'commander';
import type { ConnectionOptions } from '../client.ts';
import {
  type Coverage,
  getCoverage,
  getSettlement,
  getUnpriced,
  type Settlement,
  type Unpriced,
  utcDay,
} from '../queries/index.ts';
import { useClient, withConnectionOptions } from './connect.ts';
import { formatCount, printable } from './format.ts';
import type { CliIo } from './io.ts';
import { choosePeriod, periodWords } from './report.ts';
import { settlementTable } from './settlement.ts';
import { table } from './table.ts';

const HELP = `
Usage without a price is recorded, and is on no bill's amount: set its price (docs/prices.md), then "client-cost reprice".
Settled: charges whose provider has said what they cost ("client-cost settle"), beside what was recorded before.

Examples:
  client-cost coverage
  client-cost coverage --month 2026-02
  client-cost coverage --from 2026-02-01 --to 2026-02-14 --json
`;

interface Options extends ConnectionOptions {
  month?: string;
  from?: string;
  to?: string;
  json?: boolean;
}

/** How much of the usage has a price, what has none and why, and what was estimated beside what was settled. */
export function coverageCommand(io: CliIo): Command {
  const command = new Command('coverage')
    .description('How much of the usage has a price, per day and service; estimated beside settled cost')
    .option('--month <month>', 'YYYY-MM; default: this month')
    .option('--from <day>', 'first day, YYYY-MM-DD, instead of a month')
    .option('--to <day>', 'last day, included; default: today')
    .option('--json', 'as JSON')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      const { from, to, month } = choosePeriod(options, utcDay(io.now()));
      const [days, unpriced, settlement] = await useClient(io, options, (client) =>
        Promise.all([
          getCoverage(client, { from, to }),
          getUnpriced(client, { from, to }),
          getSettlement(client, { from, to }),
        ]),
      );
      if (options.json) io.stdout(`${JSON.stringify({ from, to, days, unpriced, settlement }, null, 2)}\n`);
      else io.stdout(coverageText(periodWords({ from, to }, month), days, unpriced, settlement));
    });
  return withConnectionOptions(command);
}

function coverageText(
  period: string,
  days: readonly Coverage[],
  unpriced: readonly Unpriced[],
  settlement: readonly Settlement[],
): string {
  if (days.length === 0) return `Prices of ${period}\n\nNo usage in this period.\n`;
  const parts = [
    `Prices of ${period}\n`,
    table(
      ['Day', 'Service', 'Requests', 'Unpriced', 'Estimated', 'Priced'],
      days.map((row) => [
        row.day,
        printable(row.service),
        formatCount(row.requests),
        formatCount(row.unpricedRequests),
        formatCount(row.estimatedRequests),
        `${row.pricedPercent.toFixed(2)} %`,
      ]),
      [2, 3, 4, 5],
    ),
  ];
  if (unpriced.length > 0) parts.push(unpricedTable(unpriced));
  const settled = settlement.filter(({ settledRequests }) => settledRequests > 0);
  if (settled.length > 0) parts.push(settlementTable(settled));
  return parts.join('\n');
}

function unpricedTable(unpriced: readonly Unpriced[]): string {
  return table(
    ['Unpriced', 'Operation', 'Model or SKU', 'Requests', 'Why'],
    unpriced
      .slice(0, 20)
      .map((row) => [
        printable(row.service),
        printable(row.operation),
        printable(row.item),
        formatCount(row.requests),
        printable(row.reason === '' ? 'not said' : row.reason, 100),
      ]),
    [3],
  );
}
