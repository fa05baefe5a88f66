import { Command, Option } from 'commander';
import {
  type AlertRoute,
  AlertSettingError,
  type Delivery,
  deliver,
  type Evaluation,
  evaluateAlerts,
  webhookBody,
  webhookSecret,
  webhookUrls,
} from '../alerts/index.ts';
import type { ConnectionOptions } from '../client.ts';
import { useClient, withConnectionOptions } from './connect.ts';
import { CliError, EXIT } from './exit.ts';
import { formatCount, printable } from './format.ts';
import type { CliIo } from './io.ts';

interface CheckOptions extends ConnectionOptions {
  asOf?: string;
  dryRun?: boolean;
  failOn?: 'warning' | 'critical';
  json?: boolean;
}

const HELP = `
Evaluates the same rules as Grafana, once, and posts a signed webhook to the SMS service: firing alerts, and the end of those that were open.
It keeps nothing: the service says nothing twice, so run it as often as you like, beside Grafana too.

  CLIENT_COST_ALERT_WEBHOOK_URL      the service's webhook (default http://127.0.0.1:8085/webhooks/grafana)
  CLIENT_COST_ALERT_WEBHOOK_SECRET   the secret it has (or …_SECRET_FILE)

Exit codes: 0 done, whatever fires · 1 the service was not told, or --fail-on · 2 wrong usage, a setting is missing · 3 ClickHouse cannot be
reached

  */15 * * * *  client-cost alerts check >/dev/null
`;

/** `client-cost alerts check`: for cron, and for machines without Grafana. */
export function checkCommand(io: CliIo): Command {
  const command = new Command('check')
    .description('Evaluate all rules once and tell the SMS service')
    .option(
      '--as-of <day>',
      "last day counted, YYYY-MM-DD; default: today. Another day leaves the pipeline's rules out",
    )
    .option('--dry-run', 'print the webhooks instead of sending them')
    .addOption(
      new Option('--fail-on <severity>', 'exit with 1 when such an alert fires').choices(['warning', 'critical']),
    )
    .option('--json', 'what fires, what is resolved and what was told, as JSON')
    .addHelpText('after', HELP)
    .action(async (options: CheckOptions) => {
      const settings = options.dryRun ? undefined : settingsOf(io.env);
      const evaluation = await useClient(io, options, (client) =>
        evaluateAlerts(client, { asOf: options.asOf, now: io.now() }),
      );
      if (settings === undefined) return dryRun(io, evaluation, options);
      const deliveries: Delivery[] = [];
      for (const route of ROUTES) {
        const alerts = evaluation.webhooks[route];
        if (alerts.length === 0) continue;
        deliveries.push(await deliver(route, settings.urls[route], alerts, { secret: settings.secret }));
      }
      io.stdout(options.json ? asJson(evaluation, deliveries) : asText(evaluation, deliveries));
      fail(evaluation, deliveries, options);
    });
  return withConnectionOptions(command);
}

const ROUTES: readonly AlertRoute[] = ['clients', 'operations'];

function settingsOf(env: NodeJS.ProcessEnv): { secret: string; urls: Readonly<Record<AlertRoute, string>> } {
  try {
    return { secret: webhookSecret(env), urls: webhookUrls(env) };
  } catch (error) {
    if (error instanceof AlertSettingError) throw new CliError(error.message, EXIT.usage);
    throw error;
  }
}

function dryRun(io: CliIo, evaluation: Evaluation, options: CheckOptions): void {
  const bodies = ROUTES.map((route) => ({ route, alerts: evaluation.webhooks[route] }))
    .filter(({ alerts }) => alerts.length > 0)
    .map(({ route, alerts }) => webhookBody(route, alerts));
  if (options.json) io.stdout(`${JSON.stringify(bodies, null, 2)}\n`);
  else {
    io.stdout(asText(evaluation, []));
    for (const body of bodies) io.stdout(`\nWould send:\n${JSON.stringify(body, null, 2)}\n`);
  }
  fail(evaluation, [], options);
}

function fail({ firing }: Evaluation, deliveries: readonly Delivery[], { failOn }: CheckOptions): void {
  const failed = deliveries.filter(({ problem }) => problem !== undefined);
  if (failed.length > 0) {
    const untold = failed.reduce((sum, delivery) => sum + delivery.untold, 0);
    const problems = [...new Set(failed.map(({ problem }) => problem))].join('; ');
    throw new CliError(`${counted(untold, 'alert')} not told: ${problems}`);
  }
  const counts = firing.filter(({ severity }) => severity === 'critical' || failOn === 'warning').length;
  if (failOn !== undefined && counts > 0) {
    throw new CliError(`${counted(counts, failOn === 'critical' ? 'critical alert' : 'alert')} firing (--fail-on)`);
  }
}

function asText({ asOf, clients, firing, resolved }: Evaluation, deliveries: readonly Delivery[]): string {
  const lines = firing.map((state) => {
    const who =
      'clientId' in state
        ? `${state.clientName}${state.clientName === state.clientId ? '' : ` (${state.clientId})`}`
        : 'pipeline';
    return `${state.severity.padEnd(9)}${printable(who, 80)}: ${printable(state.message, 300)}`;
  });
  for (const alert of resolved)
    lines.push(`resolved ${printable(alert.clientName || 'pipeline', 80)}: ${printable(alert.message, 300)}`);
  if (lines.length > 0) lines.push('');
  lines.push(
    `${asOf}: ${counted(clients, 'client')} looked at, ${counted(firing.length, 'alert')} firing, ${formatCount(resolved.length)} resolved`,
  );
  for (const { url, told } of deliveries) {
    if (told > 0) lines.push(`${counted(told, 'alert')} told to ${url}`);
  }
  return `${lines.join('\n')}\n`;
}

function asJson({ asOf, clients, firing, resolved }: Evaluation, deliveries: readonly Delivery[]): string {
  return `${JSON.stringify({ asOf, clients, firing, resolved, deliveries }, null, 2)}\n`;
}

const counted = (n: number, what: string): string => `${formatCount(n)} ${what}${n === 1 ? '' : 's'}`;
