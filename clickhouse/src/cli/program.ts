import { Command, CommanderError } from 'commander';
import { ConnectionSettingError } from '../client.ts';
import { withSecretFiles } from '../secret-file.ts';
import { alertsCommand } from './alerts.ts';
import { backfillCommand } from './backfill.ts';
import { billCommand } from './bill.ts';
import { certificatesCommand } from './certificates.ts';
import { clientsCommand } from './clients.ts';
import { coverageCommand } from './coverage.ts';
import { doctorCommand } from './doctor.ts';
import { CliError, EXIT, explain } from './exit.ts';
import { type CliIo, processIo } from './io.ts';
import { measureCommand } from './measure.ts';
import { migrateCommand } from './migrate.ts';
import { pricesCommand } from './prices.ts';
import { reconcileCommand } from './reconcile.ts';
import { reportCommand } from './report.ts';
import { repriceCommand } from './reprice.ts';
import { settleCommand } from './settle.ts';
import { startCommand } from './start.ts';

const EXAMPLES = `
Exit codes: 0 done · 1 a problem was found, or the work failed · 2 wrong usage · 3 ClickHouse cannot be reached or refuses the login

Examples:
  client-cost start                                  ClickHouse and Collector on this machine
  client-cost migrate                                create or update the tables
  client-cost report                                 this month, all clients
  client-cost report --client acme --month 2026-02   one client in detail
  client-cost bill acme --month 2026-02              its bill: own prices, margin, total
  client-cost prices --model gpt-4o                  what it costs, and where the figure is from
  client-cost coverage                               what has no price, and why
  client-cost doctor                                 what is wrong between a call and its bill
`;

/** The command line of `client-cost`. Commands throw; `runCli` turns that into messages and exit codes. */
export function createProgram(io: CliIo): Command {
  const program = new Command('client-cost')
    .description('What every billable API call costs, per client.')
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(--help says more)');
  const commands = [
    startCommand(),
    migrateCommand(io),
    reportCommand(io),
    billCommand(io),
    coverageCommand(io),
    clientsCommand(io),
    alertsCommand(io),
    pricesCommand(io),
    repriceCommand(io),
    backfillCommand(io),
    measureCommand(io),
    doctorCommand(io),
    settleCommand(io),
    reconcileCommand(io),
    certificatesCommand(io),
  ];
  for (const command of commands) program.addCommand(command);
  settle(program, io);
  return program;
}

/** Keys of providers. ClickHouse's passwords and the webhook's secret have files of their own kind where they are read. */
const SECRETS = [
  'TWILIO_AUTH_TOKEN',
  'TWILIO_API_SECRET',
  'STRIPE_API_KEY',
  'STRIPE_SECRET_KEY',
  'OPENAI_API_KEY',
  'OPENAI_ADMIN_KEY',
  'R2_SECRET_ACCESS_KEY',
];

function settle(command: Command, io: CliIo): void {
  command.exitOverride().configureOutput({ writeOut: io.stdout, writeErr: io.stderr });
  for (const child of command.commands) settle(child, io);
}

/**
 * Runs the command in this process and resolves with its exit code; never rejects and never exits.
 *
 * @param argv what follows the command's name: `['report', '--client', 'acme']`
 */
export async function runCli(argv: readonly string[], given: CliIo = processIo()): Promise<number> {
  const env = withSecretFiles(given.env, SECRETS, (message) => new ConnectionSettingError(message));
  const io: CliIo = { ...given, env };
  const before = process.exitCode;
  try {
    if (argv.length === 0) {
      io.stdout(createProgram(io).helpInformation());
      return EXIT.usage;
    }
    await createProgram(io).parseAsync([...argv], { from: 'user' });
    // `start` says so through process.exitCode.
    return before === undefined ? Number(process.exitCode ?? EXIT.ok) : EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const problem = error instanceof CliError ? error : explain(error);
    if (problem.message !== '') io.stderr(`client-cost: ${problem.message}\n`);
    return problem.exitCode;
  }
}
