import type { ClientUsageSummary, CurrentMonthUsage, MonthlySummary } from '@client-cost/clickhouse';
import { parsePico } from './expected.ts';

/** USD of a decimal string, rounded half up to `digits` decimals, for people; sums are made before, never from this. */
export function usd(decimal: string, digits = 4): string {
  const unit = 10n ** BigInt(12 - digits);
  const rounded = (parsePico(decimal) + unit / 2n) / unit;
  const text = rounded.toString().padStart(digits + 1, '0');
  return `$${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** Rows of cells under a header; all but the first column to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)));
  const line = (cells: readonly string[]) =>
    `  ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')}`.trimEnd();
  return [line(header), line(widths.map((width) => '─'.repeat(width))), ...rows.map(line)].join('\n');
}

/** The admin screen's first page: cards, then the clients with their change against the month before. */
export function overviewScreen(summary: MonthlySummary): string {
  const { totals, clients, month } = summary;
  const cards = [
    ['Total cost', usd(totals.totalCost), `${totals.activeClients} active clients`],
    ['OpenAI', usd(totals.openaiCost), `${totals.totalAiCalls} AI calls`],
    ['SMS', usd(totals.twilioSmsCost), `${Number(totals.totalMessages)} messages`],
    ['Avg per client', usd(totals.averagePerClient ?? '0'), 'this month'],
  ];
  const rows = clients.map((client) => [
    client.clientName,
    usd(client.openaiCost),
    usd(client.twilioSmsCost),
    usd(client.totalCost),
    client.previousMonthCost === null ? '–' : usd(client.previousMonthCost),
    change(client.costChangePercent),
  ]);
  return [
    `API usage & costs, ${month}`,
    '',
    ...cards.map(([name, value, note]) => `  ${name!.padEnd(15)} ${value!.padStart(10)}   ${note}`),
    '',
    table(['Client', 'OpenAI', 'SMS', 'Total', 'Last month', 'vs last month'], rows),
  ].join('\n');
}

/** The admin screen's page of one client. */
export function clientScreen(name: string, current: CurrentMonthUsage, usage: ClientUsageSummary): string {
  const days = `${current.daysRemaining} days remaining`;
  const rows = usage.topOperations.map((operation) => [
    `${operation.service} ${operation.operation}`,
    operation.requests.toLocaleString('en-US'),
    usd(operation.cost),
  ]);
  return [
    `${name}, ${current.month}`,
    '',
    `  Month to date   ${usd(current.cost).padStart(10)}   ${current.requests} calls`,
    `  Projected total ${usd(current.projectedCost).padStart(10)}   ${days}`,
    `  Daily average   ${usd(current.dailyAverage).padStart(10)}   over ${current.dayOfMonth} days`,
    '',
    table(['Top operations', 'Calls', 'Cost'], rows),
  ].join('\n');
}

function change(percent: number | null): string {
  if (percent === null) return 'new';
  return `${percent > 0 ? '+' : ''}${percent} %`;
}
