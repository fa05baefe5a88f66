import { Command, InvalidArgumentError } from 'commander';
import type { ConnectionOptions } from '../client.ts';
import {
  ACCOUNT_KINDS,
  ACCOUNTS,
  accountName,
  accountsOf,
  appliedMigrations,
  ensureAccount,
  loadMigrations,
  type MigrateResult,
  migrate,
} from '../migrate/index.ts';
import { useClient, withConnectionOptions } from './connect.ts';
import { CliError, EXIT } from './exit.ts';
import type { CliIo } from './io.ts';

interface MigrateCliOptions extends ConnectionOptions {
  to?: number;
  dryRun?: boolean;
  yes?: boolean;
  retentionDays?: number;
  refreshSeconds?: number;
  updateSeconds?: number;
  updateWaitSeconds?: number;
  cluster?: string;
}

const HELP = `
Without an action: up. Safe to run again and from several machines at once.
Changed settings (--retention-days, --…-seconds) are applied to tables that exist.
After going up it makes, or brings up to date, the users that have no right more than they use (docs/security.md), each
one whose password is set (CLICKHOUSE_…_PASSWORD or CLICKHOUSE_…_PASSWORD_FILE; its name is CLICKHOUSE_…_USER):
${ACCOUNT_KINDS.map((kind) => `  ${ACCOUNTS[kind].prefix.padEnd(9)} default ${ACCOUNTS[kind].user.padEnd(21)} ${ACCOUNTS[kind].purpose}`).join('\n')}

Examples:
  client-cost migrate
  client-cost migrate status
  client-cost migrate --dry-run
  client-cost migrate --cluster main --retention-days 90
  client-cost migrate down --to 0 --yes     removes everything, the ledger included
`;

export function migrateCommand(io: CliIo): Command {
  const command = new Command('migrate')
    .description('Create, update or remove the tables')
    .argument('[action]', 'up, down or status', 'up')
    .option('--to <version>', 'end at this version; down needs it', whole('--to'))
    .option('--dry-run', 'print the statements, change nothing')
    .option('--yes', 'go down although that deletes data')
    .option(
      '--retention-days <days>',
      'how long otel_* keep rows; 0: for ever (CLIENT_COST_RETENTION_DAYS, default 30)',
      whole('--retention-days'),
    )
    .option(
      '--refresh-seconds <seconds>',
      'refresh of recent rollups (CLIENT_COST_REFRESH_SECONDS, default 60)',
      whole('--refresh-seconds'),
    )
    .option(
      '--update-seconds <seconds>',
      'how often later reports are brought to their charges, at most 60 (CLIENT_COST_UPDATE_SECONDS, default 10)',
      whole('--update-seconds'),
    )
    .option(
      '--update-wait-seconds <seconds>',
      'how long such a report waits for its charge (CLIENT_COST_UPDATE_WAIT_SECONDS, default 300)',
      whole('--update-wait-seconds'),
    )
    .option('--cluster <name>', 'ClickHouse cluster to create replicated tables on (CLICKHOUSE_CLUSTER)')
    .addHelpText('after', HELP)
    .action((action: string, options: MigrateCliOptions) => run(io, action, options));
  return withConnectionOptions(command);
}

function whole(name: string): (text: string) => number {
  return (text) => {
    if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError(`${name} is a whole number.`);
    return Number(text);
  };
}

async function run(io: CliIo, action: string, options: MigrateCliOptions): Promise<void> {
  if (action === 'status') return status(io, options);
  if (action !== 'up' && action !== 'down') {
    throw new CliError(`migrate ${action}: expected up, down or status`, EXIT.usage);
  }
  if (action === 'down') {
    if (options.to === undefined) throw new CliError('migrate down needs --to <version>', EXIT.usage);
    if (!options.yes && !options.dryRun) {
      throw new CliError(
        'migrate down deletes tables and what they hold: add --yes, or --dry-run to see the statements',
        EXIT.usage,
      );
    }
  }
  await useClient(io, options, (client, { database }) => apply(io, action, options, client, database), 'default');
}

async function apply(
  io: CliIo,
  action: 'up' | 'down',
  options: MigrateCliOptions,
  client: Parameters<typeof migrate>[0]['client'],
  database: string,
): Promise<void> {
  const { to: target, dryRun } = options;
  const cluster = options.cluster ?? (io.env.CLICKHOUSE_CLUSTER || undefined);
  const accounts = accountsOf(io.env);
  const current = (await appliedMigrations(client, database)).at(-1)?.version ?? 0;
  if (action === 'up' && target !== undefined && target < current) {
    throw new CliError(
      `version ${current} is applied already: to go back use "client-cost migrate down --to ${target}"`,
      EXIT.usage,
    );
  }
  const result = await migrate({
    client,
    database,
    target: action === 'down' ? Math.min(target!, current) : target,
    dryRun,
    retentionDays: options.retentionDays ?? fromEnv(io, 'CLIENT_COST_RETENTION_DAYS'),
    refreshSeconds: options.refreshSeconds ?? fromEnv(io, 'CLIENT_COST_REFRESH_SECONDS'),
    updateSeconds: options.updateSeconds ?? fromEnv(io, 'CLIENT_COST_UPDATE_SECONDS'),
    updateWaitSeconds: options.updateWaitSeconds ?? fromEnv(io, 'CLIENT_COST_UPDATE_WAIT_SECONDS'),
    cluster,
    onStep: ({ direction, version, name }) => io.stderr(`${direction} ${label(version, name)}\n`),
  });
  if (dryRun) printStatements(io, result);
  else if (result.steps.length === 0) io.stdout(`${database} is up to date (version ${result.to})\n`);
  else io.stdout(`${database} is at version ${result.to}\n`);
  if (action === 'up') await makeAccounts(io, { client, database, cluster, dryRun }, accounts);
  else if (result.to === 0) {
    const names = ACCOUNT_KINDS.map((kind) => accountName(kind, io.env));
    io.stderr(`users that were made for it stay where there are any (${names.join(', ')}): DROP USER removes them\n`);
  }
}

/** The users with rights of their own, after the tables. Says what was done, never a password. */
async function makeAccounts(
  io: CliIo,
  options: Omit<Parameters<typeof ensureAccount>[0], 'kind' | 'account'>,
  accounts: ReturnType<typeof accountsOf>,
): Promise<void> {
  for (const kind of ACCOUNT_KINDS) {
    const { called, prefix, purpose } = ACCOUNTS[kind];
    const words = called.replace(/^the /, '');
    const account = accounts.find((one) => one.kind === kind);
    if (account === undefined) {
      io.stderr(`no ${words} ${purpose} made or changed: CLICKHOUSE_${prefix}_PASSWORD is not set\n`);
      continue;
    }
    const { outcome, statements } = await ensureAccount({ ...options, kind, account });
    if (outcome === 'no-sql-users') {
      io.stderr('no users made: this ClickHouse takes none by SQL (the embedded engine brings its own)\n');
      return;
    }
    if (outcome === 'would-make') {
      io.stdout(`-- ${called} ${account.name}\n`);
      for (const statement of statements) io.stdout(`${statement};\n\n`);
    } else {
      io.stdout(`${words} ${account.name}: rights on ${options.database}, password and limits up to date\n`);
    }
  }
}

function fromEnv(io: CliIo, name: string): number | undefined {
  const text = io.env[name];
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,6}$/.test(text))
    throw new CliError(`${name} ${JSON.stringify(text)}: expected a whole number`, EXIT.usage);
  return Number(text);
}

function printStatements(io: CliIo, { steps }: MigrateResult): void {
  if (steps.length === 0) io.stdout('-- nothing to do\n');
  for (const { direction, version, name, statements } of steps) {
    io.stdout(`-- ${direction} ${label(version, name)}\n`);
    for (const statement of statements) io.stdout(`${statement};\n\n`);
  }
}

async function status(io: CliIo, options: MigrateCliOptions): Promise<void> {
  const pending = await useClient(
    io,
    options,
    async (client, { database }) => {
      const applied = new Map((await appliedMigrations(client, database)).map((row) => [row.version, row]));
      let waiting = 0;
      for (const { version, name, checksum } of loadMigrations()) {
        const row = applied.get(version);
        const state = row === undefined ? 'not applied' : `applied ${row.appliedAt}`;
        const drift = row !== undefined && row.checksum !== checksum ? '  CHANGED since' : '';
        if (row === undefined || drift !== '') waiting++;
        io.stdout(`${label(version, name)}  ${state}${drift}\n`);
      }
      return waiting;
    },
    'default',
  );
  if (pending > 0)
    throw new CliError(`${pending} of the migrations are not applied as they are here: run "client-cost migrate"`);
}

const label = (version: number, name: string): string => `${String(version).padStart(4, '0')}_${name}`;
