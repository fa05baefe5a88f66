import { Command } from 'commander';
import type { ConnectionOptions } from '../client.ts';
import {
  type ClientPrice,
  type ClientPriceKey,
  listClientPrices,
  removeClientPrice,
  setClient,
  setClientPrice,
} from '../queries/index.ts';
import { useClient, withConnectionOptions } from './connect.ts';
import { CliError } from './exit.ts';
import { formatUsd, printable } from './format.ts';
import type { CliIo } from './io.ts';
import { table } from './table.ts';

interface PriceOptions extends ConnectionOptions {
  service?: string;
  operation?: string;
  unit?: string;
  sku?: string;
  model?: string;
  from?: string;
  to?: string;
  perUnit?: string;
  perMillion?: string[];
  remove?: boolean;
  json?: boolean;
}

const PRICE_HELP = `
A client's own price is applied when its bill is made; the recorded list-price cost never changes. Where several fit, the one that says more
wins, then the later --from. Prices per token hold for all input tokens, cached ones too.

Examples:
  client-cost clients price                                                       all of them
  client-cost clients price acme --service twilio_sms --operation send_sms --unit segment --per-unit 0.01
  client-cost clients price acme --service openai --model gpt-4o --per-million 3 12 --from 2026-03-01
  client-cost clients price acme --service twilio_sms --operation send_sms --unit segment --remove
`;

/** `clients price`: list, set or remove a client's own prices. */
export function clientPriceCommand(io: CliIo): Command {
  const command = new Command('price')
    .description("List, set or remove a client's own prices, for its bills")
    .argument('[id]', 'client id; without one: the prices of all clients')
    .option('--service <name>', 'usage.service; needed to set or remove')
    .option('--operation <name>', 'only this usage.operation')
    .option('--unit <name>', 'only this usage.unit')
    .option('--sku <name>', 'only this usage.sku')
    .option('--model <name>', 'only this model, as requested or as answered')
    .option('--from <day>', 'first day (UTC)')
    .option('--to <day>', 'the day it no longer holds')
    .option('--per-unit <usd>', 'USD for one unit')
    .option('--per-million <usd...>', 'USD per million input tokens and per million output tokens')
    .option('--remove', 'take the price back, for past months too')
    .option('--json', 'as JSON')
    .addHelpText('after', PRICE_HELP)
    .action((id: string | undefined, options: PriceOptions) => price(io, id, options));
  return withConnectionOptions(command);
}

async function price(io: CliIo, id: string | undefined, options: PriceOptions): Promise<void> {
  const { service, perUnit, perMillion, remove } = options;
  const changes = perUnit !== undefined || perMillion !== undefined || remove === true;
  if (changes && (id === undefined || service === undefined)) {
    throw new CliError('clients price: a change needs a client id and --service', 2);
  }
  if (!changes && service !== undefined) {
    throw new CliError('clients price: give --per-unit <usd>, --per-million <input> <output> or --remove', 2);
  }
  if (perMillion !== undefined && perMillion.length !== 2) {
    throw new CliError('--per-million needs two prices: input and output', 2);
  }
  const prices = await useClient(io, options, async (client) => {
    if (changes) {
      const { operation, unit, sku, model, from } = options;
      const key: ClientPriceKey = {
        clientId: id!,
        service: service!,
        ...definedOnly({ operation, unit, sku, model, from }),
      };
      if (remove) {
        if (!(await removeClientPrice(client, key))) throw new CliError(`client ${printable(id!)} has no such price`);
      } else {
        await setClientPrice(client, {
          ...key,
          to: options.to ?? null,
          usdPerUnit: perUnit ?? null,
          usdPerMillionInput: perMillion?.[0] ?? null,
          usdPerMillionOutput: perMillion?.[1] ?? null,
        });
      }
    }
    return listClientPrices(client, id);
  });
  if (options.json) io.stdout(`${JSON.stringify(prices, null, 2)}\n`);
  else io.stdout(prices.length === 0 ? 'no prices of their own: list cost\n' : priceTable(prices));
}

function definedOnly<T extends Record<string, string | undefined>>(values: T): Partial<Record<keyof T, string>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<
    Record<keyof T, string>
  >;
}

function priceTable(prices: readonly ClientPrice[]): string {
  return table(
    ['Client', 'Service', 'Operation', 'Unit', 'SKU or model', 'From', 'To', 'Price'],
    prices.map((row) => [
      printable(row.clientId),
      printable(row.service),
      printable(row.operation || 'any'),
      printable(row.unit || 'any'),
      printable(row.sku || row.model || 'any'),
      row.from ?? '–',
      row.to ?? '–',
      row.usdPerUnit === null
        ? `${formatUsd(row.usdPerMillionInput)} / ${formatUsd(row.usdPerMillionOutput)} per 1M tokens`
        : `${formatUsd(row.usdPerUnit)} per ${printable(row.unit || 'unit')}`,
    ]),
    [],
  );
}

/** `clients margin`: what is added to a client's bill. */
export function clientMarginCommand(io: CliIo): Command {
  const command = new Command('margin')
    .description("Set what is added to a client's bill: a percentage, a fixed amount a month, or both")
    .argument('<id>', 'client id')
    .option('--percent <percent>', 'of the billed cost; "none" takes it away')
    .option('--fixed <usd>', 'USD a month; "none" takes it away')
    .action(async (id: string, options: ConnectionOptions & { percent?: string; fixed?: string }) => {
      const value = (text: string | undefined): string | null | undefined => (text === 'none' ? null : text);
      const record = await useClient(io, options, (client) =>
        setClient(client, { id, marginPercent: value(options.percent), marginFixed: value(options.fixed) }),
      );
      const parts = [
        record.marginPercent === null ? '' : `${record.marginPercent} %`,
        record.marginFixed === null ? '' : `${formatUsd(record.marginFixed)} a month`,
      ].filter((part) => part !== '');
      io.stdout(`margin of ${printable(record.id)}: ${parts.length === 0 ? 'none' : parts.join(' and ')}\n`);
    });
  return withConnectionOptions(command);
}
