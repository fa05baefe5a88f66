import { Command } from 'commander';
import type { CliIo } from './io.ts';
import { measureNumbersCommand } from './measure-numbers.ts';
import { measureR2Command } from './measure-r2.ts';

const HELP = `
What a provider charges for as long as it is held, not for a call: run it every day (cron, a Kubernetes CronJob). A run more or less changes
nothing: each day or month is one charge.

Examples:
  client-cost measure r2 --buckets r2-clients.json
  client-cost measure twilio-numbers
`;

export function measureCommand(io: CliIo): Command {
  return new Command('measure')
    .description('Record what is stored and held: R2 storage, phone numbers')
    .addCommand(measureR2Command(io))
    .addCommand(measureNumbersCommand(io))
    .addHelpText('after', HELP);
}
