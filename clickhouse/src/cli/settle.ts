import { loadPriceBook } from '@client-cost/instrumentation/ledger';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import type { ConnectionOptions } from '../client.ts';
import {
  type ApiSettings,
  openaiClient,
  type ProviderName,
  ProviderSettingError,
  stripeClient,
  twilioClient,
} from '../provider-api/index.ts';
import { checkPeriod } from '../queries/dates.ts';
import { utcDay } from '../queries/index.ts';
import {
  openaiSettler,
  type ProgressFile,
  progressFile,
  type ServiceOutcome,
  type Settler,
  settle,
  stripeSettler,
  twilioSettler,
} from '../settle/index.ts';
import { useClient, withConnectionOptions } from './connect.ts';
import { CliError, EXIT } from './exit.ts';
import { formatCount, formatUsd, printable } from './format.ts';
import { type CliIo, progress } from './io.ts';
import { table } from './table.ts';

interface SettleCommandOptions extends ConnectionOptions {
  since: string;
  until?: string;
  dryRun?: boolean;
  resume?: boolean;
  account: string[];
  apiUrl?: string;
  rate?: number;
  stateDir: string;
  format: 'table' | 'json';
}

const HELP = `
Credentials come from the environment:
  twilio   TWILIO_ACCOUNT_SID with TWILIO_AUTH_TOKEN, or with TWILIO_API_KEY and TWILIO_API_SECRET
  stripe   STRIPE_API_KEY (a restricted key that reads charges, balance transactions and disputes will do)
  openai   OPENAI_API_KEY of the project that made the calls

What is settled is not asked for again: a run that was broken off is simply run again, --resume only spares it what was asked and had no price
yet. A second run changes nothing. Days are UTC.

Examples:
  client-cost settle twilio --since 2026-11-01
  client-cost settle stripe --since 2026-11-01 --until 2026-11-30 --dry-run
  client-cost settle twilio --since 2026-11-01 --account all
  client-cost settle twilio --since 2026-11-01 --account AC0123… --account AC4567…
`;

export function settleCommand(io: CliIo): Command {
  const command = new Command('settle')
    .description("Replace estimates by the provider's own price of each recorded charge")
    .addArgument(new Argument('<provider>', 'whom to ask').choices(['twilio', 'stripe', 'openai']))
    .requiredOption('--since <day>', 'first day of the charges, YYYY-MM-DD (UTC)')
    .option('--until <day>', 'last day, included; default: today')
    .option('--dry-run', 'ask and count, change nothing')
    .option('--resume', 'go on where the same run was broken off')
    .option(
      '--account <sid>',
      'Twilio: a subaccount to look in, repeatable, or "all"; default: the account of the login',
      collect,
      [],
    )
    .option('--api-url <url>', "in place of the provider's own address")
    .option('--rate <number>', 'requests that may start in a second; default 10', rate)
    .option('--state-dir <folder>', 'where the progress of a run is kept', '.client-cost')
    .addOption(new Option('--format <format>', 'output').choices(['table', 'json']).default('table'))
    .addHelpText('after', HELP)
    .action(async (provider: ProviderName, options: SettleCommandOptions) => {
      io.stdout(await providerErrors(() => run(io, provider, options)));
    });
  return withConnectionOptions(command);
}

const collect = (value: string, before: readonly string[]): string[] => [...before, value];

/** A `--rate`: from one request in a second up. */
export function rate(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('Expected a whole number from 1 to 9999.');
  return Number(text);
}

/** A provider that cannot be asked ends the command with its own words, never with ClickHouse's. */
export async function providerErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ProviderSettingError) throw new CliError(error.message, EXIT.usage);
    throw error;
  }
}

async function run(io: CliIo, provider: ProviderName, options: SettleCommandOptions): Promise<string> {
  const period = checkPeriod({ from: options.since, to: options.until ?? utcDay(io.now()) });
  const settler = settlerOf(provider, options, {
    env: io.env,
    apiUrl: options.apiUrl,
    perSecond: options.rate,
  });
  const book = loadPriceBook({ userFile: io.env.CLIENT_COST_PRICES });
  for (const problem of book.problems) io.stderr(`client-cost: ${printable(problem, 300)}\n`);
  const file = progressFile(options.stateDir, provider);
  const name = [period.from, options.until ?? 'today', ...options.account].join(' ');
  const after = options.resume ? resumed(io, file, name) : undefined;
  const line = progress(io);
  const outcomes = await useClient(io, options, (client) =>
    settle(client, {
      ...period,
      settler,
      book,
      after,
      dryRun: options.dryRun,
      onPage({ asked, last }) {
        line.step(`${provider}: ${asked} charges asked for, up to ${last.time.slice(0, 19)}Z`);
        if (options.dryRun !== true) file.write({ run: name, after: { time: last.time, usage_id: last.usage_id } });
      },
      onUnusable(row, reason) {
        line.end();
        io.stderr(
          `client-cost: ${row.service} ${printable(row.external_id)} is left as it was: ${printable(reason, 200)}\n`,
        );
      },
    }),
  ).finally(() => line.end());
  if (options.dryRun !== true) file.remove();
  if (options.format === 'json') {
    return `${JSON.stringify({ provider, ...period, dryRun: options.dryRun === true, services: outcomes }, null, 2)}\n`;
  }
  return outcomeTable(provider, outcomes, options.dryRun === true);
}

function settlerOf(provider: ProviderName, options: SettleCommandOptions, settings: ApiSettings): Settler {
  if (options.account.length > 0 && provider !== 'twilio') {
    throw new CliError('--account is for twilio only (Stripe: STRIPE_ACCOUNT)', EXIT.usage);
  }
  if (provider === 'stripe') return stripeSettler(stripeClient(settings));
  if (provider === 'openai') return openaiSettler(openaiClient(settings, 'calls'));
  const client = twilioClient(settings);
  if (options.account.length === 1 && options.account[0] === 'all') return twilioSettler(client, 'all');
  return twilioSettler(client, options.account.length > 0 ? checkAccounts(options.account) : [client.account]);
}

/** Account SIDs as Twilio writes them. They become parts of paths. */
export function checkAccounts(accounts: readonly string[]): readonly string[] {
  for (const account of accounts) {
    if (!/^AC[0-9a-zA-Z]{32}$/.test(account)) {
      throw new CliError(
        `--account ${printable(account)}: expected an account SID, AC and 32 more characters`,
        EXIT.usage,
      );
    }
  }
  return accounts;
}

function resumed(io: CliIo, file: ProgressFile, name: string) {
  const known = file.read();
  if (known === undefined) {
    io.stderr(`client-cost: nothing to resume in ${file.path}: starting at the beginning\n`);
    return undefined;
  }
  if (known.run !== name) {
    throw new CliError(
      `${file.path} is of another run (${known.run}): give its --since, --until and --account, or leave --resume out`,
      EXIT.usage,
    );
  }
  return known.after;
}

/** For people: one line per service, and what the words mean where they need it. */
function outcomeTable(provider: string, outcomes: readonly ServiceOutcome[], dryRun: boolean): string {
  if (outcomes.length === 0) return `no charges of ${provider} in this period\n`;
  const text = table(
    [
      'Service',
      'Recorded',
      'Settled before',
      dryRun ? 'Would settle' : 'Settled',
      'Unchanged',
      'Not yet priced',
      'Not found',
      'Not asked',
      'Estimate',
      'Settled cost',
      'Difference',
    ],
    outcomes.map((row) => [
      printable(row.service),
      formatCount(row.recorded),
      formatCount(row.settledBefore),
      formatCount(row.settled),
      formatCount(row.unchanged),
      formatCount(row.notYetPriced),
      formatCount(row.notFound),
      formatCount(row.notAsked),
      formatUsd(row.estimatedCost),
      formatUsd(row.settledCost),
      formatUsd(row.difference),
    ]),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
  return [text, ...notes(outcomes)].join('\n');
}

function notes(outcomes: readonly ServiceOutcome[]): string[] {
  const total = (key: 'notYetPriced' | 'notFound' | 'notAsked' | 'unusable' | 'withoutRate') =>
    outcomes.reduce((sum, row) => sum + row[key], 0);
  const said: [number, string][] = [
    [total('notYetPriced'), 'have no price at the provider yet: run it again tomorrow'],
    [
      total('notFound'),
      'are unknown to the provider: another account or project made them (--account), or they were deleted there',
    ],
    [total('notAsked'), 'have no price of their own at the provider, or no id of it: their recorded cost stands'],
    [total('unusable'), 'could not be stored as the provider says and are left as they were (named above)'],
    [total('withoutRate'), 'are in a currency without an exchange rate: unpriced until CLIENT_COST_PRICES has one'],
  ];
  const lines = said.filter(([n]) => n > 0).map(([n, words]) => `${formatCount(n)} ${words}\n`);
  return lines.length === 0 ? [] : [lines.join('')];
}
