import { Command } from 'commander';
import type { ConnectionOptions } from '../client.ts';
import { addDays, type ClientChange, type ClientRecord, listClients, setClient, utcDay } from '../queries/index.ts';
import { clientMarginCommand, clientPriceCommand } from './client-prices.ts';
import { useClient, withConnectionOptions } from './connect.ts';
import { formatUsd, printable } from './format.ts';
import type { CliIo } from './io.ts';
import { table } from './table.ts';

const HELP = `
A client needs no entry to be billed; an entry gives it a name and thresholds of its own.

Examples:
  client-cost clients list
  client-cost clients set acme --name "Acme Inc." --warning 50 --critical 100 --spike 50
  client-cost clients set acme --spike-critical 200 --anomaly 120
  client-cost clients set acme --warning default
  client-cost clients deactivate acme
  client-cost clients price acme --service twilio_sms --unit segment --per-unit 0.01
  client-cost clients margin acme --percent 15 --fixed 20
`;

export function clientsCommand(io: CliIo): Command {
  const command = new Command('clients')
    .description('Names, thresholds, prices and margins of clients')
    .addHelpText('after', HELP);
  command.addCommand(listCommand(io), { isDefault: true });
  command.addCommand(setCommand(io));
  command.addCommand(clientPriceCommand(io));
  command.addCommand(clientMarginCommand(io));
  for (const [name, active] of [
    ['deactivate', false],
    ['activate', true],
  ] as const) {
    const change = new Command(name)
      .description(active ? 'Watch the client again' : 'Stop watching a client; its usage is still recorded and billed')
      .argument('<id>', 'client id')
      .action(async (id: string, options: ConnectionOptions) => {
        const record = await useClient(io, options, (client) => setClient(client, { id, active }));
        io.stdout(clientTable([record]));
      });
    command.addCommand(withConnectionOptions(change));
  }
  return command;
}

function listCommand(io: CliIo): Command {
  const command = new Command('list')
    .description('All clients that have an entry or used anything in the last 62 days')
    .option('--json', 'as JSON')
    .action(async (options: ConnectionOptions & { json?: boolean }) => {
      const usedSince = addDays(utcDay(io.now()), -62);
      const records = await useClient(io, options, (client) => listClients(client, { usedSince }));
      if (options.json) io.stdout(`${JSON.stringify(records, null, 2)}\n`);
      else io.stdout(records.length === 0 ? 'no clients yet\n' : clientTable(records));
    });
  return withConnectionOptions(command);
}

interface SetOptions extends ConnectionOptions {
  name?: string;
  warning?: string;
  critical?: string;
  spike?: string;
  spikeCritical?: string;
  anomaly?: string;
}

function setCommand(io: CliIo): Command {
  const command = new Command('set')
    .description('Set what is given, keep the rest')
    .argument('<id>', 'client id, as the service sends it')
    .option('--name <text>', 'name in reports')
    .option('--warning <usd>', 'monthly warning threshold; "default" for the default')
    .option('--critical <usd>', 'monthly critical threshold; "default" for the default')
    .option('--spike <percent>', 'rise over the previous month that is a warning; "default" for the default')
    .option('--spike-critical <percent>', 'rise over the previous month that is critical; "default" for the default')
    .option(
      '--anomaly <percent>',
      'projection in percent of the critical threshold that is a warning; "default" for the default',
    )
    .action(async (id: string, options: SetOptions) => {
      const change: ClientChange = {
        id,
        name: options.name,
        monthlyWarning: threshold(options.warning),
        monthlyCritical: threshold(options.critical),
        spikePercent: threshold(options.spike),
        spikeCriticalPercent: threshold(options.spikeCritical),
        anomalyPercent: threshold(options.anomaly),
      };
      io.stdout(clientTable([await useClient(io, options, (client) => setClient(client, change))]));
    });
  return withConnectionOptions(command);
}

const threshold = (text: string | undefined): string | null | undefined => (text === 'default' ? null : text);

function clientTable(records: readonly ClientRecord[]): string {
  const usd = (value: string | null): string => (value === null ? 'default' : formatUsd(value));
  const percent = (value: string | null): string => (value === null ? 'default' : `${value} %`);
  return table(
    ['Client', 'Name', 'Active', 'Warning', 'Critical', 'Spike', 'critical', 'Anomaly'],
    records.map((record) => [
      printable(record.id),
      printable(record.name),
      record.active ? 'yes' : 'no',
      usd(record.monthlyWarning),
      usd(record.monthlyCritical),
      percent(record.spikePercent),
      percent(record.spikeCriticalPercent),
      percent(record.anomalyPercent),
    ]),
    [3, 4, 5, 6, 7],
  );
}
