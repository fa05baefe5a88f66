import { Command } from 'commander';
import type { ConnectionOptions } from '../client.ts';
import { backfill } from '../queries/index.ts';
import { useClient, withConnectionOptions } from './connect.ts';
import { type CliIo, progress } from './io.ts';

const HELP = `
The recent rollups keep themselves up to date. Backfill is for older days: after restoring a backup, or after corrections that
moved a charge to another day.

Example:
  client-cost backfill --from 2026-01-01 --to 2026-01-31
`;

export function backfillCommand(io: CliIo): Command {
  const command = new Command('backfill')
    .description('Rebuild the daily rollups of a period from the ledger')
    .requiredOption('--from <day>', 'first day, YYYY-MM-DD (UTC)')
    .requiredOption('--to <day>', 'last day, included')
    .addHelpText('after', HELP)
    .action(async (options: ConnectionOptions & { from: string; to: string }) => {
      const { from, to } = options;
      const line = progress(io);
      const days = await useClient(io, options, (client) =>
        backfill(client, { from, to, onDay: (day, done, all) => line.step(`${done}/${all} days, ${day}`) }),
      ).finally(() => line.end());
      io.stdout(`${days} ${days === 1 ? 'day' : 'days'} rebuilt, ${from} to ${to}\n`);
    });
  return withConnectionOptions(command);
}
