import { loadPriceBook } from '@client-cost/instrumentation/ledger';
import { Command } from 'commander';
import type { ConnectionOptions } from '../client.ts';
import { type RepricedService, reprice } from '../corrections/index.ts';
import { useClient, withConnectionOptions } from './connect.ts';
import { CliError } from './exit.ts';
import { formatCount, formatUsd, printable } from './format.ts';
import { type CliIo, progress } from './io.ts';
import { table } from './table.ts';

const HELP = `
Prices with this machine's book: the prices of this version of client-cost, and the file of CLIENT_COST_PRICES over them. Every charge is priced at
the time of its call. Only charges whose cost changes are written, as their next version; a second run changes nothing.

Not re-priced: what the provider itself has said (settled), failed calls and usage that is not known, what was recorded as not billed (cost 0),
amounts in other currencies, charges that the book has no price for now (they keep theirs).

Examples:
  client-cost reprice --from 2026-03-01 --to 2026-03-31 --dry-run
  client-cost reprice --from 2026-03-01 --to 2026-03-31 --service openai --service twilio_sms
`;

interface Options extends ConnectionOptions {
  from: string;
  to: string;
  service?: string[];
  client?: string;
  dryRun?: boolean;
  json?: boolean;
}

export function repriceCommand(io: CliIo): Command {
  const command = new Command('reprice')
    .description('Price recorded usage anew with the current prices')
    .requiredOption('--from <day>', 'first day, YYYY-MM-DD (UTC)')
    .requiredOption('--to <day>', 'last day, included')
    .option('--service <name...>', 'only these services')
    .option('--client <id>', 'only this client')
    .option('--dry-run', 'say what would change, change nothing')
    .option('--json', 'as JSON')
    .addHelpText('after', HELP)
    .action((options: Options) => run(io, options));
  return withConnectionOptions(command);
}

async function run(io: CliIo, options: Options): Promise<void> {
  const book = loadPriceBook({ userFile: io.env.CLIENT_COST_PRICES ?? '' });
  if (book.problems.length > 0) {
    throw new CliError(
      `nothing was re-priced, because the price file cannot be used whole:\n  ${book.problems.join('\n  ')}\n"client-cost prices check ${io.env.CLIENT_COST_PRICES}" shows the lines`,
    );
  }
  const { from, to, dryRun = false } = options;
  const line = progress(io);
  const services = await useClient(io, options, (client) =>
    reprice(client, book, {
      from,
      to,
      services: options.service,
      clientId: options.client,
      dryRun,
      onDay: (day, read) => line.step(`${day}: ${formatCount(read)} charges`),
    }),
  ).finally(() => line.end());
  if (options.json) {
    io.stdout(`${JSON.stringify({ from, to, dryRun, priceVersion: book.version, services }, null, 2)}\n`);
    return;
  }
  io.stdout(`Prices: ${book.version}\n`);
  if (services.length === 0) io.stdout(`No charges to price from ${from} to ${to}.\n`);
  else io.stdout(`\n${repricedTable(services, dryRun)}${remarks(services)}`);
}

function repricedTable(services: readonly RepricedService[], dryRun: boolean): string {
  return table(
    ['Service', 'Read', dryRun ? 'Would change' : 'Changed', 'Cost before', 'Cost after', 'Unpriced'],
    services.map((row) => [
      printable(row.service),
      formatCount(row.read),
      formatCount(row.changed),
      formatUsd(row.before),
      formatUsd(row.after),
      formatCount(row.unpriced),
    ]),
    [1, 2, 3, 4, 5],
  );
}

function remarks(services: readonly RepricedService[]): string {
  const lines = services.flatMap(({ service, left }) =>
    Object.entries(left).map(
      ([reason, n]) => `  ${printable(service)}: ${formatCount(n)} left as they are: ${reason}\n`,
    ),
  );
  return lines.length === 0 ? '' : `\n${lines.join('')}`;
}
