import type { RecordedAlert } from '../alerts/index.ts';
import type { ClientSummary, MonthlyClientSummary, PeriodSummary } from '../queries/index.ts';
import { alertTable } from './alerts-table.ts';
import { csv, formatChange, formatCount, formatUsd, printable } from './format.ts';
import { table } from './table.ts';

/** What `report` prints for all clients; `month` is set when the period is a whole month. */
export interface AllClientsReport extends PeriodSummary {
  readonly month?: string;
  /** Open alerts of the period, critical ones first. */
  readonly alerts: readonly RecordedAlert[];
  readonly clients: readonly (ClientSummary &
    Partial<Pick<MonthlyClientSummary, 'previousMonthCost' | 'costChangePercent'>>)[];
}

/** The admin screen: cards, then the clients, dearest first. */
export function allClientsTable(report: AllClientsReport, today: string): string {
  const { month, from, to, totals, clients, alerts } = report;
  const running = from <= today && today <= to ? ', so far' : '';
  const lines = [`API usage, all clients, ${month ?? `${from} to ${to}`}${running} (USD)`, ''];
  const cards: [string, string, string][] = [
    ['Total cost', formatUsd(totals.totalCost), counted(totals.activeClients, 'active client')],
    ['OpenAI', formatUsd(totals.openaiCost), counted(totals.openaiCalls, 'call')],
    ['Twilio SMS', formatUsd(totals.twilioSmsCost), counted(totals.totalMessages, 'message')],
    ['Average per client', formatUsd(totals.averagePerClient), ''],
  ];
  for (const [name, value, note] of cards) lines.push(`${name.padEnd(20)}${value.padEnd(13)} ${note}`.trimEnd());
  lines.push('');
  if (alerts.length > 0) lines.push(alertTable(alerts));
  if (clients.length === 0) return `${lines.join('\n')}No usage in this period.\n`;
  const body = table(
    ['Client', ...SERVICES.map(([title]) => title), 'Total', ...(month === undefined ? [] : ['vs last month'])],
    clients.map((row) => [
      printable(row.clientName === row.clientId ? row.clientId : `${row.clientName} (${row.clientId})`),
      ...SERVICES.map(([, column]) => formatUsd(row[column])),
      formatUsd(row.totalCost),
      ...(month === undefined ? [] : [formatChange(row.costChangePercent ?? null)]),
    ]),
    [...SERVICES.map((_, index) => index + 1), SERVICES.length + 1, SERVICES.length + 2],
  );
  return `${lines.join('\n')}\n${body}${warnings(totals)}`;
}

/** The columns of a bill: a service each, and what has no column of its own. */
const SERVICES = [
  ['OpenAI', 'openaiCost'],
  ['SMS', 'twilioSmsCost'],
  ['Voice', 'twilioVoiceCost'],
  ['Phone', 'twilioPhoneCost'],
  ['Stripe', 'stripeCost'],
  ['Places', 'googlePlacesCost'],
  ['R2', 'storageCost'],
  ['Other', 'otherCost'],
] as const satisfies readonly (readonly [string, keyof ClientSummary])[];

const counted = (n: number | string, what: string): string =>
  `${formatCount(n)} ${what}${String(n) === '1' ? '' : 's'}`;

/** What the reader must know before trusting the sums. */
export function warnings(totals: {
  readonly unpricedRequests: number;
  readonly estimatedRequests: number;
  readonly requests: number;
  readonly unattributedCost?: string;
}): string {
  const lines: string[] = [];
  const { unpricedRequests: unpriced, estimatedRequests: estimated, requests, unattributedCost = '0' } = totals;
  if (unpriced > 0) {
    lines.push(
      `! ${formatCount(unpriced)} of ${formatCount(requests)} requests have no known price and are not in the sums (set one with CLIENT_COST_PRICES)`,
    );
  }
  if (estimated > 0) {
    lines.push(
      `! ${formatCount(estimated)} of ${formatCount(requests)} requests are estimated: the provider did not report their usage`,
    );
  }
  if (unattributedCost !== '0') lines.push(`! ${formatUsd(unattributedCost)} belongs to no client ("unattributed")`);
  return lines.length === 0 ? '' : `\n${lines.join('\n')}\n`;
}

const COLUMNS = [
  'clientId',
  'clientName',
  'active',
  'openaiCost',
  'twilioSmsCost',
  'twilioVoiceCost',
  'twilioPhoneCost',
  'stripeCost',
  'googlePlacesCost',
  'storageCost',
  'otherCost',
  'totalCost',
  'requests',
  'errors',
  'inputTokens',
  'outputTokens',
  'totalMessages',
  'totalAiCalls',
  'totalVoiceMinutes',
  'unpricedRequests',
  'estimatedRequests',
] as const satisfies readonly (keyof ClientSummary)[];

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** One line per client, exact amounts. */
export function allClientsCsv({ from, to, clients }: AllClientsReport): string {
  return csv(
    ['from', 'to', ...COLUMNS.map(snake), 'previous_month_cost', 'cost_change_percent'],
    clients.map((row) => [
      from,
      to,
      ...COLUMNS.map((column) => row[column]),
      row.previousMonthCost ?? null,
      row.costChangePercent ?? null,
    ]),
  );
}
