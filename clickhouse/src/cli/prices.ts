import { type ListedPrice, listPrices, loadPriceBook } from '@client-cost/instrumentation/ledger';
import { Command } from 'commander';
import { checkPriceFile } from '../price-file/check.ts';
import { checkDay, utcDay } from '../queries/dates.ts';
import { CliError, EXIT } from './exit.ts';
import { formatCount, printable } from './format.ts';
import type { CliIo } from './io.ts';
import { table } from './table.ts';

const HELP = `
Three layers, the first that has a price counts: your file (CLIENT_COST_PRICES), this project's overlay, genai-prices (models). A price that another
one hides is shown with --all. Times are UTC; "from" is included, "to" is not.

Examples:
  client-cost prices --service twilio_sms
  client-cost prices --service google_places --operation text_search --on 2026-02-15
  client-cost prices --model gpt-4o --all
  client-cost prices check /etc/client-cost/prices.json
`;

interface Options {
  service?: string;
  operation?: string;
  model?: string;
  sku?: string;
  unit?: string;
  on?: string;
  all?: boolean;
  json?: boolean;
}

/** `client-cost prices`: needs no ClickHouse. */
export function pricesCommand(io: CliIo): Command {
  const list = new Command('list')
    .description('What it costs on a date, and where the figure is from')
    .option('--service <name>', 'usage.service, or a provider of models')
    .option('--operation <name>', 'usage.operation')
    .option('--model <name>', 'a model, dated snapshots too')
    .option('--sku <name>', 'usage.sku')
    .option('--unit <name>', 'usage.unit')
    .option('--on <day>', 'YYYY-MM-DD (its last moment, UTC) or a time like 2026-03-01T00:00:00Z; default: now')
    .option('--all', 'also prices that another one hides')
    .option('--json', 'as JSON')
    .addHelpText('after', HELP)
    .action((options: Options) => run(io, options));
  return new Command('prices')
    .description('What a service, operation or model costs on a date; check a price file')
    .addHelpText('after', HELP)
    .addCommand(list, { isDefault: true })
    .addCommand(checkCommand(io));
}

function run(io: CliIo, options: Options): void {
  const on = moment(options.on, io.now());
  const userFile = io.env.CLIENT_COST_PRICES ?? '';
  const { service, operation, model, sku, unit } = options;
  let listed: ListedPrice[];
  try {
    listed = listPrices({ on, userFile, service, operation, model, sku, unit });
  } catch (error) {
    throw new CliError(
      `price file ${userFile}: ${(error as Error).message}: run "client-cost prices check ${userFile}"`,
    );
  }
  const book = loadPriceBook({ userFile });
  for (const problem of book.problems) io.stderr(`client-cost: not used: ${problem}\n`);
  const prices = options.all ? listed : listed.filter(({ hidden }) => !hidden);
  if (options.json) {
    io.stdout(`${JSON.stringify({ on: on.toISOString(), priceVersion: book.version, prices }, null, 2)}\n`);
    return;
  }
  if (prices.length === 0) {
    const asked = [service, operation, model, sku, unit]
      .filter((name) => name !== undefined)
      .map((name) => printable(name));
    throw new CliError(
      `no price is known for ${asked.join(' ')} on ${on.toISOString().slice(0, 10)}: such calls are recorded as unpriced. A price of your own goes into the file of CLIENT_COST_PRICES (docs/prices.md)`,
    );
  }
  io.stdout(`Prices on ${on.toISOString()}, USD (${book.version})\n\n${priceTable(prices)}`);
}

function moment(text: string | undefined, now: Date): Date {
  if (text === undefined) return now;
  if (/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?Z$/.test(text) && !Number.isNaN(Date.parse(text)))
    return new Date(text);
  const end = new Date(`${checkDay('--on', text)}T23:59:59.999Z`);
  return text === utcDay(now) ? now : end;
}

function priceTable(prices: readonly ListedPrice[]): string {
  return table(
    ['Service', 'Operation', 'Model or SKU', 'Price', 'From', 'To', 'Layer', 'Source', 'Checked'],
    prices.map((price) => [
      printable(price.service ?? price.provider ?? ''),
      printable(price.operation ?? 'any'),
      item(price),
      amounts(price),
      price.from?.replace('T00:00:00Z', '') ?? '–',
      price.to?.replace('T00:00:00Z', '') ?? '–',
      price.hidden ? `${price.layer} (hidden)` : price.layer,
      printable(price.source ?? '–', 80),
      price.checked ?? '–',
    ]),
    [],
  );
}

function item(price: ListedPrice): string {
  const prefix = price.modelPrefix ?? price.skuPrefix;
  const name = price.model ?? price.sku ?? (prefix === undefined ? 'any' : `${prefix}*`);
  return printable(price.tier === 'standard' ? name : `${name} (${price.tier === '*' ? 'any tier' : price.tier})`);
}

function amounts(price: ListedPrice): string {
  const parts: string[] = [];
  if (price.usdPerUnit !== undefined) parts.push(`${price.usdPerUnit} per ${printable(price.unit ?? 'unit')}`);
  if (price.usdFixed !== undefined) parts.push(`${price.usdFixed} each`);
  const rates = Object.entries(price.usdPerMillion ?? {});
  if (rates.length > 0) parts.push(`per 1M tokens: ${rates.map(([meter, usd]) => `${meter} ${usd}`).join(', ')}`);
  for (const { inputTokens, usdPerMillion } of price.above ?? []) {
    const above = Object.entries(usdPerMillion).map(([meter, usd]) => `${meter} ${usd}`);
    parts.push(`above ${formatCount(inputTokens)} input tokens: ${above.join(', ')}`);
  }
  if (price.usdPerRequest !== undefined) parts.push(`${price.usdPerRequest} per request`);
  return parts.join('; ');
}

function checkCommand(io: CliIo): Command {
  return new Command('check')
    .description('Check a price file: every problem with its line; exit code 1 when there is one')
    .argument('[file]', 'price file; default: that of CLIENT_COST_PRICES')
    .action((given: string | undefined) => {
      const file = given ?? (io.env.CLIENT_COST_PRICES || undefined);
      if (file === undefined) throw new CliError('prices check: name a file, or set CLIENT_COST_PRICES', EXIT.usage);
      let check: ReturnType<typeof checkPriceFile>;
      try {
        check = checkPriceFile(file);
      } catch (error) {
        throw new CliError(`${file}: cannot be read: ${(error as Error).message}`);
      }
      for (const { line, column, path, message } of check.problems) {
        io.stdout(
          `${file}:${line}:${column}: ${path === '' ? '' : `${printable(path, 120)}: `}${printable(message, 400)}\n`,
        );
      }
      const n = check.problems.length;
      if (n > 0)
        throw new CliError(`${n} ${n === 1 ? 'problem' : 'problems'} in ${file}; the entries named are not used`);
      const rates = check.exchangeRates === 0 ? '' : ` and ${plural(check.exchangeRates, 'exchange rate')}`;
      io.stdout(`${file}: ${plural(check.prices, 'price')}${rates}, all usable\n`);
    });
}

const plural = (n: number, what: string): string => `${formatCount(n)} ${what}${n === 1 ? '' : 's'}`;
