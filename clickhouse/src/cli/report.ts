import type { ClickHouseClient } from '@clickhouse/client';
import { Command, Option } from 'commander';
import { getActiveAlerts, type RecordedAlert } from '../alerts/index.ts';
import type { ConnectionOptions } from '../client.ts';
import {
  addDays,
  getClientUsageSummary,
  getCurrentMonthUsage,
  getMonthlySummary,
  getPeriodSummary,
  getSettlement,
  listClients,
  type MonthlyClientSummary,
  monthPeriod,
  type Period,
  QueryInputError,
  utcDay,
} from '../queries/index.ts';
import { useClient, withConnectionOptions } from './connect.ts';
import { CliError, EXIT } from './exit.ts';
import type { CliIo } from './io.ts';
import { type AllClientsReport, allClientsCsv, allClientsTable } from './report-all.ts';
import { type ClientReport, clientCsv, clientTable } from './report-client.ts';

interface ReportOptions extends ConnectionOptions {
  client?: string;
  month?: string;
  from?: string;
  to?: string;
  format: 'table' | 'json' | 'csv';
}

const HELP = `
Days and months are UTC. Tables round for reading; JSON and CSV hold exact amounts as decimal text.
The report reads what is in the ledger at this moment, also for days whose rollup is not refreshed yet.

Examples:
  client-cost report
  client-cost report --month 2026-02
  client-cost report --client acme
  client-cost report --client acme --from 2026-02-01 --to 2026-02-14 --format json
  client-cost report --format csv > bills.csv
`;

export function reportCommand(io: CliIo): Command {
  const command = new Command('report')
    .description('The bill: all clients, or one in detail')
    .option('--client <id>', 'only this client, in detail')
    .option('--month <month>', 'YYYY-MM; default: this month')
    .option('--from <day>', 'first day, YYYY-MM-DD, instead of a month')
    .option('--to <day>', 'last day, included; default: today')
    .addOption(new Option('--format <format>', 'output').choices(['table', 'json', 'csv']).default('table'))
    .addHelpText('after', HELP)
    .action(async (options: ReportOptions) => {
      const period = choosePeriod(options, utcDay(io.now()));
      io.stdout(await useClient(io, options, (client) => report(client, options, period, utcDay(io.now()))));
    });
  return withConnectionOptions(command);
}

/** A whole month, or days. */
export interface ChosenPeriod extends Period {
  readonly month: string | undefined;
}

/** Reads --month, --from and --to. Throws a usage error. */
export function choosePeriod(options: Pick<ReportOptions, 'month' | 'from' | 'to'>, today: string): ChosenPeriod {
  const { month, from, to } = options;
  if (month !== undefined && (from !== undefined || to !== undefined)) {
    throw new CliError('--month and --from/--to exclude each other', EXIT.usage);
  }
  if (from === undefined && to !== undefined) throw new CliError('--to needs --from', EXIT.usage);
  if (from !== undefined) return { from, to: to ?? today, month: undefined };
  try {
    const chosen = month ?? today.slice(0, 7);
    return { ...monthPeriod(chosen), month: chosen };
  } catch (error) {
    if (error instanceof QueryInputError) throw new CliError(`--${error.message}`, EXIT.usage);
    throw error;
  }
}

async function report(
  client: ClickHouseClient,
  { client: clientId, format }: ReportOptions,
  period: ChosenPeriod,
  today: string,
): Promise<string> {
  if (clientId !== undefined) {
    const data = await clientReport(client, clientId, period, today);
    if (format === 'json') return json(data);
    return format === 'csv' ? clientCsv(data) : clientTable(data);
  }
  const [summary, active] = await Promise.all([
    period.month === undefined
      ? getPeriodSummary(client, period)
      : getMonthlySummary(client, { month: period.month }).then((monthly) => ({
          ...monthPeriod(monthly.month),
          ...monthly,
        })),
    getActiveAlerts(client),
  ]);
  const data: AllClientsReport = { ...summary, alerts: alertsOf(active, period, today) };
  if (format === 'json') return json(data);
  return format === 'csv' ? allClientsCsv(data) : allClientsTable(data, today);
}

async function clientReport(
  client: ClickHouseClient,
  clientId: string,
  period: ChosenPeriod,
  today: string,
): Promise<ClientReport> {
  // Of the month in progress only the days so far are shown; of any other period every day.
  const inProgress = period.month === today.slice(0, 7);
  const to = inProgress ? today : period.to;
  const [summary, record, monthly, current, settlement, active] = await Promise.all([
    getClientUsageSummary(client, { clientId, from: period.from, to }),
    listClients(client).then((records) => records.find(({ id }) => id === clientId)),
    period.month === undefined ? undefined : getMonthlySummary(client, { month: period.month }),
    inProgress ? getCurrentMonthUsage(client, { clientId, asOf: today }) : undefined,
    getSettlement(client, { clientId, from: period.from, to }),
    getActiveAlerts(client, { clientId }),
  ]);
  const month =
    monthly?.clients.find((row) => row.clientId === clientId) ??
    (monthly === undefined ? undefined : await withoutUsage(client, clientId, monthly.month));
  return {
    ...summary,
    clientName: record?.name || clientId,
    month: period.month ?? null,
    currentMonth: current ?? null,
    previousMonthCost: month?.previousMonthCost ?? null,
    costChangePercent: month?.costChangePercent ?? null,
    settlement: settlement.filter(({ settledRequests }) => settledRequests > 0),
    alerts: alertsOf(active, period, today),
  };
}

/** A client that used nothing in a month has no row in it: what the month before cost is there all the same. */
async function withoutUsage(
  client: ClickHouseClient,
  clientId: string,
  month: string,
): Promise<Pick<MonthlyClientSummary, 'previousMonthCost' | 'costChangePercent'>> {
  const before = monthPeriod(addDays(`${month}-01`, -1).slice(0, 7));
  const { total } = await getClientUsageSummary(client, { clientId, ...before });
  return {
    previousMonthCost: total.requests === 0 ? null : total.cost,
    costChangePercent: Number(total.cost) === 0 ? null : -100,
  };
}

/** The open alerts that are about a period; the pipeline's have no month and are about now. */
function alertsOf(active: readonly RecordedAlert[], { from, to }: Period, today: string): RecordedAlert[] {
  return active.filter(({ month }) =>
    month === '' ? from <= today && today <= to : from.slice(0, 7) <= month && month <= to.slice(0, 7),
  );
}

const json = (data: unknown): string => `${JSON.stringify(data, null, 2)}\n`;

/** For messages: the days of a period in words. */
export function periodWords({ from, to }: Period, month: string | null | undefined): string {
  if (month) return month;
  return from === to ? from : `${from} to ${to}`;
}
