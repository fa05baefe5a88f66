import { Command } from 'commander';
import type { ConnectionOptions } from '../client.ts';
import { type BillLine, type ClientBill, getClientBill, utcDay } from '../queries/index.ts';
import { useClient, withConnectionOptions } from './connect.ts';
import { formatCount, formatUsd, printable } from './format.ts';
import type { CliIo } from './io.ts';
import { table } from './table.ts';

const HELP = `
Every line is list cost, or the client's own price times what was used, where it has one on the day of the call (client-cost clients price).
The margin (client-cost clients margin) is a percentage of the billed cost, and a fixed amount for the month. The total alone is rounded, to
cents, half away from zero. Usage without a price is on no line's amount: it is counted beside.

Examples:
  client-cost bill acme
  client-cost bill acme --month 2026-02 --json
`;

export function billCommand(io: CliIo): Command {
  const command = new Command('bill')
    .description("One client's bill for a month: prices of its own and margin over the recorded list cost")
    .argument('<client>', 'client id')
    .option('--month <month>', 'YYYY-MM (UTC); default: this month, so far')
    .option('--json', 'as JSON, amounts exact')
    .addHelpText('after', HELP)
    .action(async (clientId: string, options: ConnectionOptions & { month?: string; json?: boolean }) => {
      const month = options.month ?? utcDay(io.now()).slice(0, 7);
      const bill = await useClient(io, options, (client) => getClientBill(client, { clientId, month }));
      io.stdout(options.json ? `${JSON.stringify(bill, null, 2)}\n` : billText(bill, io.now()));
    });
  return withConnectionOptions(command);
}

function billText(bill: ClientBill, now: Date): string {
  const soFar = bill.month === utcDay(now).slice(0, 7) ? ', so far' : '';
  const name = bill.clientName === bill.clientId ? '' : ` (${printable(bill.clientId)})`;
  const title = `Bill of ${printable(bill.clientName)}${name}, ${bill.month}${soFar}\n\n`;
  if (bill.lines.length === 0 && bill.total === '0.00') return `${title}No usage.\n`;
  const lines = table(
    ['Service', 'Operation', 'Model or SKU', 'Requests', 'Quantity', 'Price', 'List cost', 'Billed'],
    bill.lines.map((line) => [
      printable(line.service),
      printable(line.operation),
      printable(line.item),
      formatCount(line.requests),
      `${formatCount(line.quantity)} ${printable(line.unit)}`,
      price(line),
      formatUsd(line.listCost),
      formatUsd(line.billedCost),
    ]),
    [3, 4, 6, 7],
  );
  const sums: [string, string][] = [
    ['List cost', formatUsd(bill.listCost)],
    ['Billed cost', formatUsd(bill.billedCost)],
  ];
  if (bill.marginPercent !== null || bill.marginFixed !== null) {
    const parts = [
      bill.marginPercent === null ? '' : `${bill.marginPercent} %`,
      bill.marginFixed === null ? '' : `${formatUsd(bill.marginFixed)} a month`,
    ];
    sums.push([`Margin (${parts.filter((part) => part !== '').join(' and ')})`, formatUsd(bill.margin)]);
  }
  sums.push(['Total', `$${formatCount(bill.total)}`]);
  const note =
    bill.unpricedRequests === 0
      ? ''
      : `\nNot in the total: ${formatCount(bill.unpricedRequests)} requests without a known price:\n${bill.lines
          .filter(({ unpricedRequests }) => unpricedRequests > 0)
          .map(
            (line) =>
              `  ${[line.service, line.operation, line.item]
                .filter((part) => part !== '')
                .map((part) => printable(part))
                .join(' ')}: ${formatCount(line.unpricedRequests)}\n`,
          )
          .join('')}`;
  return `${title}${lines}\n${table(['', ''], sums, [1]).split('\n').slice(2).join('\n')}${note}`;
}

function price(line: BillLine): string {
  if (line.pricedBy === 'list') return 'list';
  if (line.usdPerUnit !== null) return `${formatUsd(line.usdPerUnit)} per ${printable(line.unit)}`;
  return `${formatUsd(line.usdPerMillionInput)} / ${formatUsd(line.usdPerMillionOutput)} per 1M tokens`;
}
