import { Command } from 'commander';
import { type Connection, type ConnectionOptions, createLedgerClient, resolveConnection } from '../client.ts';
import { shownUrl } from '../shown-url.ts';
import { withConnectionOptions } from './connect.ts';
import { ledgerChecks } from './doctor-ledger.ts';
import { type Check, checkCollector, checkNode, checkSpool, type Finding } from './doctor-local.ts';
import { CliError, explain } from './exit.ts';
import type { CliIo } from './io.ts';

interface DoctorOptions extends ConnectionOptions {
  json?: boolean;
  collector: boolean;
}

const HELP = `
Checks, in the order of the pipeline: Node.js, spool, Collector, ClickHouse, migrations, rollups, what arrived and what was rejected.
Reads CLIENT_COST_SPOOL_DIR, OTEL_EXPORTER_OTLP_ENDPOINT or CLIENT_COST_OTLP_ENDPOINT, CLIENT_COST_COLLECTOR_HEALTH_URL and the
CLICKHOUSE_* variables. Exit code 1 when a check failed; warnings alone are 0.

Examples:
  client-cost doctor
  client-cost doctor --no-collector      services write to ClickHouse directly
`;

export function doctorCommand(io: CliIo): Command {
  const command = new Command('doctor')
    .description('Check each hop from a call to its bill and say what is wrong')
    .option('--json', 'as JSON')
    .option('--no-collector', 'there is no Collector to check')
    .addHelpText('after', HELP)
    .action((options: DoctorOptions) => run(io, options));
  return withConnectionOptions(command);
}

async function run(io: CliIo, options: DoctorOptions): Promise<void> {
  const findings: Finding[] = [];
  const report = (finding: Finding): void => {
    findings.push(finding);
    if (!options.json) io.stdout(line(finding));
  };
  const checks: Check[] = [checkNode, () => checkSpool(io.env)];
  if (options.collector) checks.push(() => checkCollector(io.env));
  for (const check of checks) for (const finding of await check()) report(finding);
  await clickhouse(io, options, report);
  if (options.json) io.stdout(`${JSON.stringify(findings, null, 2)}\n`);
  const failed = findings.filter(({ state }) => state === 'fail').length;
  if (failed > 0) throw new CliError(options.json ? '' : `${failed} ${failed === 1 ? 'problem' : 'problems'} found`);
  if (!options.json) io.stdout('\nNothing is wrong.\n');
}

async function clickhouse(io: CliIo, options: DoctorOptions, report: (finding: Finding) => void): Promise<void> {
  let connection: Connection | undefined;
  try {
    connection = resolveConnection(options, io.env);
    report({
      hop: 'configuration',
      state: 'ok',
      says: `${shownUrl(connection.url)}, user ${connection.user}, database ${connection.database}`,
    });
  } catch (error) {
    return report({ hop: 'configuration', state: 'fail', says: explain(error).message });
  }
  const client = createLedgerClient(connection, 'default');
  try {
    for await (const finding of ledgerChecks(client, connection, io.now())) report(finding);
  } catch (error) {
    report({ hop: 'ClickHouse', state: 'fail', says: explain(error, connection).message });
  } finally {
    await client.close();
  }
}

const MARK = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const;

function line({ hop, state, says }: Finding): string {
  return `${MARK[state]}  ${hop.padEnd(16)}${says}\n`;
}
