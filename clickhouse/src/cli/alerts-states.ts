import { Command } from 'commander';
import {
  type ClientAlertState,
  getClientAlertStates,
  getPipelineAlertStates,
  type PipelineAlertState,
} from '../alerts/index.ts';
import type { ConnectionOptions } from '../client.ts';
import { utcDay } from '../queries/index.ts';
import { useClient, withConnectionOptions } from './connect.ts';
import { formatUsd, printable, roundDecimal } from './format.ts';
import type { CliIo } from './io.ts';
import { table } from './table.ts';

interface StatesOptions extends ConnectionOptions {
  asOf?: string;
  client?: string;
  json?: boolean;
}

/** `client-cost alerts states`: every client beside its limits, and the pipeline's rules. */
export function statesCommand(io: CliIo): Command {
  const command = new Command('states')
    .description('How far every client is from its limits, and the state of the pipeline')
    .option('--as-of <day>', 'last day counted, YYYY-MM-DD; default: today')
    .option('--client <id>', 'only this client')
    .option('--json', 'as JSON: every rule, exact amounts')
    .action(async (options: StatesOptions) => {
      const now = io.now();
      const asOf = options.asOf ?? utcDay(now);
      // About this moment and about no client.
      const withPipeline = options.client === undefined && asOf === utcDay(now);
      const [clients, pipeline] = await useClient(io, options, (client) =>
        Promise.all([
          getClientAlertStates(client, { asOf, clientId: options.client }),
          withPipeline ? getPipelineAlertStates(client, { at: now }) : [],
        ]),
      );
      const current = clients.filter(({ month }) => month === asOf.slice(0, 7));
      if (options.json) io.stdout(`${JSON.stringify({ asOf, clients: current, pipeline }, null, 2)}\n`);
      else io.stdout(statesText(asOf, current, pipeline));
    });
  return withConnectionOptions(command);
}

function statesText(
  asOf: string,
  clients: readonly ClientAlertState[],
  pipeline: readonly PipelineAlertState[],
): string {
  const parts = [`Limits and where clients are, ${asOf.slice(0, 7)} through ${asOf} (USD)\n`];
  const rows = byClient(clients);
  parts.push(rows.length === 0 ? 'No clients yet.\n' : clientTable(rows));
  if (pipeline.length > 0) parts.push(pipelineTable(pipeline));
  return parts.join('\n');
}

/** The rows of one client, nearest to its critical threshold first. */
function byClient(states: readonly ClientAlertState[]): ClientAlertState[][] {
  const groups = new Map<string, ClientAlertState[]>();
  for (const state of states) {
    const group = groups.get(state.clientId);
    if (group === undefined) groups.set(state.clientId, [state]);
    else group.push(state);
  }
  return [...groups.values()].sort((a, b) => nearness(b) - nearness(a));
}

const find = (rows: readonly ClientAlertState[], type: string, severity: string): ClientAlertState | undefined =>
  rows.find((row) => row.alertType === type && row.severity === severity);

/** For the order only: no amount comes of it. */
function nearness(rows: readonly ClientAlertState[]): number {
  const critical = find(rows, 'threshold', 'critical');
  const limit = Number(critical?.threshold ?? 0);
  const firing = rows.filter((row) => row.firing).length;
  return firing * 1e12 + (limit > 0 ? Number(critical?.value ?? 0) / limit : 0);
}

function clientTable(groups: readonly (readonly ClientAlertState[])[]): string {
  return table(
    ['Client', 'To date', 'Warning', 'Critical', 'Projected', 'Limit', 'Change', 'Limits', 'Fires'],
    groups.map((rows) => {
      const row = rows[0]!;
      const limit = (type: string, severity: string) => find(rows, type, severity)?.threshold ?? '0';
      const spike = find(rows, 'spike', 'warning');
      const fires = rows.filter(({ firing }) => firing);
      // A warning whose critical fires says nothing more.
      const shown = fires.filter(
        (one) =>
          one.severity === 'critical' || !fires.some((other) => other !== one && other.alertType === one.alertType),
      );
      return [
        printable(row.clientName === row.clientId ? row.clientId : `${row.clientName} (${row.clientId})`),
        formatUsd(row.currentCost),
        formatUsd(limit('threshold', 'warning')),
        formatUsd(limit('threshold', 'critical')),
        formatUsd(row.projectedCost),
        formatUsd(limit('anomaly', 'warning')),
        spike === undefined || spike.percentChange === null
          ? '–'
          : `${percent(spike.value)} %${spike.sameDays ? ' (same days)' : ''}`,
        `${percent(limit('spike', 'warning'))} / ${percent(limit('spike', 'critical'))} %`,
        shown.map(({ alertType, severity }) => `${alertType} ${severity}`).join(', ') || '–',
      ];
    }),
    [1, 2, 3, 4, 5, 6, 7],
  );
}

const percent = (value: string): string => roundDecimal(value, 0);

function pipelineTable(pipeline: readonly PipelineAlertState[]): string {
  return table(
    ['Pipeline', 'Fires', ''],
    pipeline.map(({ alertType, severity, firing, message }) => [
      alertType,
      firing ? severity : '–',
      printable(message, 300),
    ]),
  );
}
