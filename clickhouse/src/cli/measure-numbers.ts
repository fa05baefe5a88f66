import { readFileSync } from 'node:fs';
import { loadPriceBook, sumAmounts } from '@client-cost/instrumentation/ledger';
import { Command, Option } from 'commander';
import type { ConnectionOptions } from '../client.ts';
import { heldNumbers, type NumberOutcome } from '../measure/index.ts';
import { twilioClient } from '../provider-api/index.ts';
import { checkDay } from '../queries/dates.ts';
import { useClient, withConnectionOptions } from './connect.ts';
import { CliError, EXIT } from './exit.ts';
import { formatCount, formatUsd, printable } from './format.ts';
import { type CliIo, progress } from './io.ts';
import { checkAccounts, providerErrors, rate } from './settle.ts';
import { table } from './table.ts';

interface Options extends ConnectionOptions {
  clients?: string;
  since?: string;
  account: string[];
  apiUrl?: string;
  dryRun?: boolean;
  rate?: number;
  format: 'table' | 'json';
}

const HELP = `
Credentials come from the environment: TWILIO_ACCOUNT_SID with TWILIO_AUTH_TOKEN, or with TWILIO_API_KEY and TWILIO_API_SECRET.

Twilio bills a number on its day of each month. Every month that has begun is one charge, the first one being that of a purchase that was
recorded when it was made. A number that was released is charged no more. The client is that of the number's earlier charges, else the one
that the file names by SID, number or friendly name:
  { "PN0123…": "acme", "+15551234567": "globex", "Support line": "initech" }

Examples:
  client-cost measure twilio-numbers --clients numbers.json
  client-cost measure twilio-numbers --since 2026-01-01 --dry-run
`;

export function measureNumbersCommand(io: CliIo): Command {
  const command = new Command('twilio-numbers')
    .description('Record the monthly price of Twilio numbers that are still held')
    .option('--clients <file>', 'SID, number or friendly name → client')
    .option(
      '--since <day>',
      'first day of the months to charge; default: the current month of each number and the one before',
    )
    .option('--account <sid>', 'a subaccount to look in, repeatable; default: the account of the login', collect, [])
    .option('--api-url <url>', "in place of Twilio's own address")
    .option('--dry-run', 'ask and count, change nothing')
    .option('--rate <number>', 'requests that may start in a second; default 10', rate)
    .addOption(new Option('--format <format>', 'output').choices(['table', 'json']).default('table'))
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      io.stdout(await providerErrors(() => run(io, options)));
    });
  return withConnectionOptions(command);
}

const collect = (value: string, before: readonly string[]): string[] => [...before, value];

async function run(io: CliIo, options: Options): Promise<string> {
  const since = options.since === undefined ? undefined : checkDay('--since', options.since);
  const clients = options.clients === undefined ? undefined : readClients(options.clients);
  const api = twilioClient({ env: io.env, apiUrl: options.apiUrl, perSecond: options.rate });
  const accounts = options.account.length > 0 ? checkAccounts(options.account) : [api.account];
  const book = loadPriceBook({ userFile: io.env.CLIENT_COST_PRICES });
  for (const problem of book.problems) io.stderr(`client-cost: ${printable(problem, 300)}\n`);
  const line = progress(io);
  const onPage = (numbers: number) => line.step(`twilio: ${formatCount(numbers)} numbers`);
  const asked = { accounts, book, now: io.now(), since, clients, dryRun: options.dryRun, onPage };
  const outcomes = await useClient(io, options, (client) => heldNumbers(client, api, asked)).finally(() => line.end());
  const dryRun = options.dryRun === true;
  if (options.format === 'json') {
    return `${JSON.stringify({ dryRun, cost: total(outcomes), numbers: outcomes }, null, 2)}\n`;
  }
  return numberTable(outcomes, dryRun);
}

/** A file `{"PN…": "acme"}`. Every entry that cannot be used is named. */
function readClients(path: string): ReadonlyMap<string, string> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new CliError(`--clients ${path}: ${(error as Error).message}`, EXIT.usage);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new CliError(`--clients ${path}: expected an object such as {"+15551234567": "acme"}`, EXIT.usage);
  }
  const clients = new Map<string, string>();
  const problems: string[] = [];
  for (const [name, client] of Object.entries(content)) {
    if (typeof client === 'string' && client.trim() !== '' && client.length <= 256) clients.set(name, client.trim());
    else problems.push(`--clients ${path}: ${printable(name)}: expected a client id of 1 to 256 characters`);
  }
  if (problems.length > 0) throw new CliError(problems.join('\n'), EXIT.usage);
  return clients;
}

const total = (outcomes: readonly NumberOutcome[]): string =>
  sumAmounts(outcomes.flatMap(({ prices }) => prices.map((price) => price ?? '0')));

function numberTable(outcomes: readonly NumberOutcome[], dryRun: boolean): string {
  if (outcomes.length === 0) return 'the account holds no numbers\n';
  // The SID and not the number: what is printed by a cron job ends up in logs.
  const text = table(
    ['Number', 'Client', 'Price class', 'Months known', dryRun ? 'Would charge' : 'Charged', 'Cost'],
    outcomes.map((row) => [
      row.sid,
      printable(row.client),
      row.sku || '–',
      formatCount(row.known),
      row.charged.length === 0 ? '–' : row.charged.join(', '),
      row.prices.includes(null) ? 'unpriced' : formatUsd(total([row])),
    ]),
    [3, 5],
  );
  const months = outcomes.reduce((sum, { charged }) => sum + charged.length, 0);
  const attributed = outcomes.reduce((sum, row) => sum + row.attributed, 0);
  const moved = attributed === 0 ? '' : `; ${formatCount(attributed)} months of nobody have a client now`;
  const what = dryRun ? 'would be charged (dry run)' : 'charged';
  return `${text}\n${formatCount(outcomes.length)} numbers, ${formatCount(months)} months ${what}, ${formatUsd(total(outcomes))}${moved}\n`;
}
