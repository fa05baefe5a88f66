import { Command, InvalidArgumentError, Option } from 'commander';
import { type CollectorChoice, type GrafanaChoice, passwordFile, type Stack, startStack } from '../stack/index.ts';

interface StartOptions {
  dataDir: string;
  clickhousePort: number;
  otlpPort: number;
  otlpGrpcPort: number;
  collector: CollectorChoice;
  grafana: GrafanaChoice;
  grafanaPort: number;
}

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('A port is a number from 0 to 65535.');
  return value;
}

function exportLines(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .map(([name, value]) => `  export ${name}='${value.replaceAll("'", "'\\''")}'`)
    .join('\n');
}

/** Grafana's line, and how its alerts become texts; nothing when none was asked for. */
function describeGrafana(stack: Stack, dataDir: string): string[] {
  if (stack.grafana === undefined) {
    return stack.grafanaMissing === undefined ? [] : [`Grafana      none: ${stack.grafanaMissing}`];
  }
  const { url, user } = stack.grafana;
  return [`Grafana      ${url}   user ${user}, password: grafana_admin in ${passwordFile(dataDir)}`];
}

function describeTexts(stack: Stack): string[] {
  if (stack.grafana === undefined) return [];
  return [
    '',
    `Grafana's alerts go to ${stack.grafana.alertsTo}. To text them from there (docs/sms.md: a Twilio account, somebody on call), with the variables above and:`,
    exportLines(stack.grafana.smsEnv),
    '  node grafana/dist/sms/main.js',
  ];
}

/** What a person needs to use a running stack. */
export function describeStack(stack: Stack, dataDir = '.client-cost'): string {
  const lines = [
    '',
    `ClickHouse   ${stack.clickhouse.url}   user ${stack.clickhouse.user}, database ${stack.clickhouse.database}`,
    stack.otlp === undefined
      ? 'Collector    none: services write to ClickHouse directly'
      : `Collector    ${stack.otlp.httpUrl} (OTLP/HTTP), ${stack.otlp.grpcUrl} (gRPC), health ${stack.otlp.healthUrl}, metrics ${stack.otlp.metricsUrl}`,
    ...describeGrafana(stack, dataDir),
    '',
    'A service to be measured:',
    exportLines(stack.env),
    '  node --require @client-cost/instrumentation/register app.js',
    '',
    'The bill:',
    exportLines(stack.clientEnv),
    '  npx client-cost report',
    ...describeTexts(stack),
    '',
    'Ctrl-C ends it; the data stays.',
  ];
  return `${lines.join('\n')}\n`;
}

/** Resolves with the name of the first signal that asks this process to end. */
function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve(signal));
  });
}

async function run(options: StartOptions): Promise<void> {
  const log = (line: string) => process.stderr.write(`${line}\n`);
  let ended = false;
  const signal = untilSignal().then((name) => {
    ended = true;
    return name;
  });
  const stack = await startStack({ ...options, log });
  try {
    if (!ended) process.stdout.write(describeStack(stack, options.dataDir));
    const name = await Promise.race([signal, stack.failed]);
    log(`${name}: ending`);
  } finally {
    await stack.stop();
  }
}

/** `client-cost start`: the embedded stack for real services, up until a signal. */
export function startCommand(): Command {
  return new Command('start')
    .description(
      'Run ClickHouse (embedded) and, when there is one, the OpenTelemetry Collector and Grafana, until Ctrl-C',
    )
    .option('--data-dir <folder>', 'where everything is kept', '.client-cost')
    .option('--clickhouse-port <port>', 'ClickHouse over HTTP; 0 for any free one', port, 8123)
    .option('--otlp-port <port>', 'OTLP over HTTP; 0 for any free one', port, 4318)
    .option('--otlp-grpc-port <port>', 'OTLP over gRPC; 0 for any free one', port, 4317)
    .addOption(
      new Option('--collector <when>', 'the real Collector: when there is one, always, or never')
        .choices(['auto', 'required', 'none'])
        .default('auto'),
    )
    .addOption(
      new Option('--grafana <when>', 'Grafana with the dashboards: when there is one on PATH, always, or never')
        .choices(['auto', 'required', 'none'])
        .default('auto'),
    )
    .option('--grafana-port <port>', 'Grafana; 0 for any free one', port, 3001)
    .action(async (options: StartOptions) => {
      try {
        await run(options);
      } catch (error) {
        process.stderr.write(`client-cost start: ${(error as Error).message}\n`);
        process.exitCode = 1;
      }
    });
}
