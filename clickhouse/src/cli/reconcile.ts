import { loadPriceBook } from '@client-cost/instrumentation/ledger';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import type { ConnectionOptions } from '../client.ts';
import {
  type ApiSettings,
  openaiClient,
  type ProviderName,
  stripeClient,
  twilioClient,
} from '../provider-api/index.ts';
import { monthPeriod, type Period, utcDay } from '../queries/index.ts';
import {
  type Bill,
  beyond,
  type Comparison,
  compare,
  ledgerFigures,
  openaiBill,
  stripeBill,
  twilioBill,
} from '../reconcile/index.ts';
import { useClient, withConnectionOptions } from './connect.ts';
import { CliError, EXIT } from './exit.ts';
import { formatCount, formatUsd, printable } from './format.ts';
import type { CliIo } from './io.ts';
import { checkAccounts, providerErrors, rate } from './settle.ts';
import { table } from './table.ts';

interface ReconcileOptions extends ConnectionOptions {
  month: string;
  failOver?: number;
  account: string[];
  apiUrl?: string;
  rate?: number;
  format: 'table' | 'json';
}

const HELP = `
Compares a month of the ledger with what the provider itself bills:
  twilio   Usage Records (TWILIO_ACCOUNT_SID with TWILIO_AUTH_TOKEN, or TWILIO_API_KEY and TWILIO_API_SECRET)
  stripe   fees of the month's balance transactions (STRIPE_API_KEY)
  openai   the organisation's costs (OPENAI_ADMIN_KEY: an admin key, ordinary ones cannot read them)
Without a provider: all whose credentials are set. Days and months are UTC, at these three providers too; an invoice may be cut at another
hour and hold taxes, credits and minimum fees. The residual is what the provider bills and the ledger does not hold.

Exit code 1 when a residual is beyond --fail-over.

Examples:
  client-cost reconcile --month 2026-11
  client-cost reconcile twilio --month 2026-11 --fail-over 5
  client-cost reconcile openai --month 2026-11 --format json
`;

const SERVICES: Readonly<Record<ProviderName, readonly string[]>> = {
  twilio: ['twilio_sms', 'twilio_voice', 'twilio_phone'],
  stripe: ['stripe'],
  openai: ['openai'],
};

/** Whether the credentials of a provider are there at all. */
const CONFIGURED: Readonly<Record<ProviderName, (env: NodeJS.ProcessEnv) => boolean>> = {
  twilio: (env) => Boolean(env.TWILIO_ACCOUNT_SID),
  stripe: (env) => Boolean(env.STRIPE_API_KEY || env.STRIPE_SECRET_KEY),
  openai: (env) => Boolean(env.OPENAI_ADMIN_KEY),
};

export function reconcileCommand(io: CliIo): Command {
  const command = new Command('reconcile')
    .description("Compare a month of the ledger with the provider's own bill")
    .addArgument(new Argument('[provider]', 'whom to ask').choices(['twilio', 'stripe', 'openai']))
    .requiredOption('--month <month>', 'YYYY-MM (UTC)')
    .option('--fail-over <percent>', 'exit with 1 when a residual is larger than this', percent)
    .option(
      '--account <sid>',
      'Twilio: only this (sub)account, repeatable; default: the account of the login with its subaccounts',
      (value: string, before: string[]) => [...before, value],
      [],
    )
    .option('--api-url <url>', "in place of the provider's own address; needs a provider")
    .option('--rate <number>', 'requests that may start in a second; default 10', rate)
    .addOption(new Option('--format <format>', 'output').choices(['table', 'json']).default('table'))
    .addHelpText('after', HELP)
    .action(async (provider: ProviderName | undefined, options: ReconcileOptions) => {
      await providerErrors(() => run(io, provider, options));
    });
  return withConnectionOptions(command);
}

function percent(text: string): number {
  if (!/^\d{1,6}(\.\d+)?$/.test(text)) throw new InvalidArgumentError('Expected a number of percent from 0 up.');
  return Number(text);
}

async function run(io: CliIo, provider: ProviderName | undefined, options: ReconcileOptions): Promise<void> {
  const providers = chosen(io, provider, options);
  const period = monthPeriod(options.month);
  const book = loadPriceBook({ userFile: io.env.CLIENT_COST_PRICES });
  for (const problem of book.problems) io.stderr(`client-cost: ${printable(problem, 300)}\n`);
  const settings = { env: io.env, apiUrl: options.apiUrl, perSecond: options.rate };
  // Their settings are checked before anything is asked.
  const bills = providers.map((name) => ({ name, ask: billOf(name, settings, period, options.account) }));
  const found = await useClient(io, options, async (client) => {
    const results: { provider: ProviderName; comparisons: Comparison[]; notes: readonly string[] }[] = [];
    for (const { name, ask } of bills) {
      const bill = await ask();
      const ledger = await ledgerFigures(client, period, SERVICES[name]);
      const comparisons = compare({ services: SERVICES[name], ledger, bill, book, at: new Date(period.to) });
      results.push({ provider: name, comparisons, notes: bill.notes });
    }
    return results;
  });
  const unfinished = period.to >= utcDay(io.now());
  if (options.format === 'json') {
    io.stdout(`${JSON.stringify({ month: options.month, unfinished, providers: found }, null, 2)}\n`);
  } else {
    const all = found.flatMap(({ comparisons }) => comparisons);
    const notes = found.flatMap((one) => one.notes.map((note) => `${one.provider}: ${note}`));
    if (unfinished) notes.unshift(`${options.month} is not over: providers' figures lag behind by hours`);
    io.stdout(comparisonTable(options.month, all, notes));
  }
  const limit = options.failOver;
  if (limit === undefined) return;
  const over = found.flatMap(({ comparisons }) => comparisons).filter((one) => beyond(one, limit));
  if (over.length > 0) {
    const names = over.map(({ service }) => printable(service)).join(', ');
    throw new CliError(`residual beyond ${limit} %: ${names}`, EXIT.problem);
  }
}

function chosen(io: CliIo, provider: ProviderName | undefined, options: ReconcileOptions): readonly ProviderName[] {
  if (options.account.length > 0) checkAccounts(options.account);
  if (options.account.length > 0 && provider !== 'twilio') {
    throw new CliError('--account is for twilio only: client-cost reconcile twilio --account …', EXIT.usage);
  }
  if (provider !== undefined) return [provider];
  if (options.apiUrl !== undefined) {
    throw new CliError('--api-url needs a provider: client-cost reconcile twilio --api-url …', EXIT.usage);
  }
  const found = (['twilio', 'stripe', 'openai'] as const).filter((name) => CONFIGURED[name](io.env));
  if (found.length > 0) return found;
  throw new CliError(
    'no credentials are set: TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, STRIPE_API_KEY or OPENAI_ADMIN_KEY',
    EXIT.usage,
  );
}

/** Checks the settings of a provider; what it returns asks for the bill. @throws ProviderSettingError */
function billOf(
  name: ProviderName,
  settings: ApiSettings,
  period: Period,
  accounts: readonly string[],
): () => Promise<Bill> {
  if (name === 'twilio') {
    const client = twilioClient(settings);
    return () => twilioBill(client, period, accounts.length > 0 ? accounts : undefined, client.account);
  }
  if (name === 'stripe') {
    const client = stripeClient(settings);
    return () => stripeBill(client, period);
  }
  const client = openaiClient(settings, 'costs');
  return () => openaiBill(client, period);
}

function comparisonTable(month: string, comparisons: readonly Comparison[], notes: readonly string[]): string {
  const text = table(
    ['Service', 'Charges', 'Ledger', 'Provider', 'Residual', '%'],
    comparisons.map((row) => [
      printable(row.service),
      formatCount(row.charges),
      formatUsd(row.cost),
      formatUsd(row.billed),
      formatUsd(row.residual),
      row.residualPercent === null ? '–' : row.residualPercent.toFixed(1),
    ]),
    [1, 2, 3, 4, 5],
  );
  const hints = comparisons.flatMap(({ service, hints: own }) => own.map((hint) => `${service}: ${hint}`));
  const said = [...notes, ...hints].map((line) => `${printable(line, 300)}\n`);
  const parts = [`${month} (USD, days of UTC)\n`, text];
  if (said.length > 0) parts.push(said.join(''));
  return parts.join('\n');
}
