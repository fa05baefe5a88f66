import { Argument, Command } from 'commander';
import {
  AcknowledgeError,
  acknowledgeAlert,
  getActiveAlerts,
  getRecordedAlerts,
  type RecordedAlert,
} from '../alerts/index.ts';
import type { ConnectionOptions } from '../client.ts';
import { checkCommand } from './alerts-check.ts';
import { statesCommand } from './alerts-states.ts';
import { alertTable, minute } from './alerts-table.ts';
import { useClient, withConnectionOptions } from './connect.ts';
import { CliError, EXIT } from './exit.ts';
import { printable } from './format.ts';
import type { CliIo } from './io.ts';

const HELP = `
Rules, defaults and what a client can have of its own: docs/alerts.md. Times, days and months are UTC.

Examples:
  client-cost alerts                                   what is open now
  client-cost alerts list --all                        resolved ones too
  client-cost alerts states                            how far every client is from its limits
  client-cost alerts check                             look once, tell the SMS service (for cron)
  client-cost alerts check --dry-run                   show what it would tell
  client-cost alerts acknowledge threshold:critical:2026-11:acme --by ada
`;

/** `client-cost alerts`: what is open, how near the limits are, the check for cron, acknowledging. */
export function alertsCommand(io: CliIo): Command {
  const command = new Command('alerts')
    .description("Clients' cost alerts and the pipeline's: open ones, distance to limits, check, acknowledge")
    .addHelpText('after', HELP);
  command.addCommand(listCommand(io), { isDefault: true });
  command.addCommand(statesCommand(io));
  command.addCommand(checkCommand(io));
  command.addCommand(acknowledgeCommand(io));
  return command;
}

interface ListOptions extends ConnectionOptions {
  all?: boolean;
  client?: string;
  json?: boolean;
}

function listCommand(io: CliIo): Command {
  const command = new Command('list')
    .description('Open alerts: since when, who was told, who acknowledged')
    .option('--all', 'resolved ones and warnings behind their critical too; the newest 200')
    .option('--client <id>', 'only this client')
    .option('--json', 'as JSON')
    .action(async (options: ListOptions) => {
      const alerts = await useClient(io, options, (client) =>
        options.all
          ? getRecordedAlerts(client, { clientId: options.client, limit: 200 })
          : getActiveAlerts(client, { clientId: options.client }),
      );
      if (options.json) io.stdout(`${JSON.stringify(alerts, null, 2)}\n`);
      else io.stdout(alerts.length === 0 ? 'No alerts.\n' : alertTable(alerts, { keys: true }));
    });
  return withConnectionOptions(command);
}

interface AcknowledgeOptions extends ConnectionOptions {
  by: string;
}

function acknowledgeCommand(io: CliIo): Command {
  const command = new Command('acknowledge')
    .description('Acknowledge an open alert through the SMS service: its texts stop')
    .addArgument(new Argument('<key>', 'as "alerts list" shows it, or a client id that has one open alert only'))
    .requiredOption('--by <name>', 'who acknowledges')
    .action(async (key: string, options: AcknowledgeOptions) => {
      const open = await useClient(io, options, (client) => getRecordedAlerts(client, { openOnly: true }));
      const alert = chosen(open, key);
      try {
        const outcomes = await acknowledgeAlert(alert, options.by);
        for (const { key: of, what, by, at } of outcomes) {
          if (what === 'acknowledged') io.stdout(`${printable(of, 120)}: acknowledged by ${printable(by)}\n`);
          if (what === 'already') {
            io.stdout(`${printable(of, 120)}: was acknowledged by ${printable(by)} at ${minute(at)}\n`);
          }
          if (what === 'resolved') io.stdout(`${printable(of, 120)}: was over at ${minute(at)}\n`);
        }
      } catch (error) {
        if (error instanceof AcknowledgeError) throw new CliError(error.message);
        throw error;
      }
    });
  return withConnectionOptions(command);
}

function chosen(open: readonly RecordedAlert[], key: string): RecordedAlert {
  const exact = open.find((alert) => alert.key === key);
  if (exact !== undefined) return exact;
  const ofClient = open.filter(({ clientId }) => clientId !== '' && clientId === key);
  if (ofClient.length === 1) return ofClient[0]!;
  const some = (ofClient.length > 0 ? ofClient : open).slice(0, 5).map((alert) => `\n  ${printable(alert.key, 120)}`);
  if (ofClient.length > 1) throw new CliError(`${key} has several open alerts, name one:${some.join('')}`, EXIT.usage);
  throw new CliError(
    `no open alert ${JSON.stringify(key)}${some.length === 0 ? ': none is open' : `; open are:${some.join('')}`}`,
    EXIT.usage,
  );
}
