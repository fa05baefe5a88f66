import type { RecordedAlert } from '../alerts/index.ts';
import type { ClientUsageSummary, CurrentMonthUsage, Settlement } from '../queries/index.ts';
import { alertTable } from './alerts-table.ts';
import { csv, formatChange, formatCount, formatUsd, printable } from './format.ts';
import { warnings } from './report-all.ts';
import { settlementTable } from './settlement.ts';
import { table } from './table.ts';

/** What `report --client` prints. */
export interface ClientReport extends ClientUsageSummary {
  readonly clientName: string;
  readonly month: string | null;
  /** Set when the period is the month in progress. */
  readonly currentMonth: CurrentMonthUsage | null;
  readonly previousMonthCost: string | null;
  readonly costChangePercent: number | null;
  /** What was estimated beside what the providers then charged, per service; empty where nothing is settled. */
  readonly settlement: readonly Settlement[];
  /** Its open alerts of the period, critical ones first. */
  readonly alerts: readonly RecordedAlert[];
}

/** One client in detail: cards, services, operations, models, days. */
export function clientTable(report: ClientReport): string {
  const { clientId, clientName, month, from, to, total } = report;
  const who = clientName === clientId ? printable(clientId) : `${printable(clientName)} (${printable(clientId)})`;
  const parts = [`${who}, ${month ?? `${from} to ${to}`} (USD)\n`, cards(report)];
  if (report.alerts.length > 0) parts.push(alertTable(report.alerts));
  if (total.requests === 0) return `${parts.join('\n')}\nNo usage in this period.\n`;
  parts.push(services(report), settled(report), operations(report), models(report), days(report), warnings(total));
  return parts.filter((part) => part !== '').join('\n');
}

function cards({ total, currentMonth, month, previousMonthCost, costChangePercent }: ClientReport): string {
  const lines: [string, string][] = [];
  if (currentMonth === null) lines.push(['Total', formatUsd(total.cost)]);
  else {
    const { daysRemaining, dayOfMonth, daysInMonth } = currentMonth;
    lines.push(['Month to date', `${formatUsd(currentMonth.cost)}   day ${dayOfMonth} of ${daysInMonth}`]);
    lines.push(['Projected total', `${formatUsd(currentMonth.projectedCost)}   ${daysRemaining} days remaining`]);
    lines.push(['Daily average', formatUsd(currentMonth.dailyAverage)]);
  }
  if (month !== null) {
    lines.push(['Last month', `${formatUsd(previousMonthCost)}   ${formatChange(costChangePercent)}`]);
  }
  const failed = total.errors > 0 ? `, ${formatCount(total.errors)} failed` : '';
  lines.push(['Requests', `${formatCount(total.requests)}${failed}`]);
  lines.push(['Tokens', `${formatCount(total.inputTokens)} in, ${formatCount(total.outputTokens)} out`]);
  return `${lines.map(([name, value]) => name.padEnd(20) + value).join('\n')}\n`;
}

function services({ byService }: ClientReport): string {
  return table(
    ['Service', 'Requests', 'Cost', 'Share', ''],
    byService.map(({ service, requests, cost, costSharePercent }) => [
      printable(service),
      formatCount(requests),
      formatUsd(cost),
      costSharePercent === null ? '–' : `${costSharePercent.toFixed(1)} %`,
      '█'.repeat(Math.round((costSharePercent ?? 0) / 5)),
    ]),
    [1, 2, 3],
  );
}

function settled({ settlement }: ClientReport): string {
  return settlement.length === 0 ? '' : settlementTable(settlement);
}

function operations({ topOperations }: ClientReport): string {
  return table(
    ['Top operations', 'Service', 'Requests', 'Cost'],
    topOperations.map(({ operation, service, requests, cost }) => [
      printable(operation),
      printable(service),
      formatCount(requests),
      formatUsd(cost),
    ]),
    [2, 3],
  );
}

function models({ models: rows }: ClientReport): string {
  if (rows.length === 0) return '';
  return table(
    ['Model', 'Requests', 'Tokens in', 'cached', 'Tokens out', 'Cost'],
    rows.map((row) => [
      printable(row.model || row.provider),
      formatCount(row.requests),
      formatCount(row.inputTokens),
      formatCount(row.cacheReadTokens),
      formatCount(row.outputTokens),
      row.unpricedRequests === row.requests ? 'unpriced' : formatUsd(row.cost),
    ]),
    [1, 2, 3, 4, 5],
  );
}

function days({ byDay }: ClientReport): string {
  // JSON and CSV hold every day of the period.
  const used = byDay.filter(({ requests }) => Number(requests) > 0);
  return table(
    ['Day', 'Requests', 'Cost'],
    used.map(({ day, requests, cost }) => [day, formatCount(requests), formatUsd(cost)]),
    [1, 2],
  );
}

/** One line per figure, exact amounts: section says which breakdown a line belongs to. */
export function clientCsv(report: ClientReport): string {
  const { clientId, from, to, total } = report;
  const line = (
    section: string,
    names: { day?: string; service?: string; operation?: string; provider?: string; model?: string },
    f: ClientReport['total'],
  ) => [
    clientId,
    from,
    to,
    section,
    names.day ?? '',
    names.service ?? '',
    names.operation ?? '',
    names.provider ?? '',
    names.model ?? '',
    f.requests,
    f.errors,
    f.inputTokens,
    f.outputTokens,
    f.cost,
    f.unpricedRequests,
    f.estimatedRequests,
  ];
  return csv(
    [
      'client_id',
      'from',
      'to',
      'section',
      'day',
      'service',
      'operation',
      'provider',
      'model',
      'requests',
      'errors',
      'input_tokens',
      'output_tokens',
      'cost',
      'unpriced_requests',
      'estimated_requests',
    ],
    [
      line('total', {}, total),
      ...report.byService.map((row) => line('service', row, row)),
      ...report.byDay.map((row) => line('day', row, row)),
      ...report.operations.map((row) => line('operation', row, row)),
      ...report.models.map((row) => line('model', row, row)),
    ],
  );
}
