import { parseArgs } from 'node:util';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { readExporterConfig } from '../config.ts';
import { messageOf } from '../log.ts';
import type { Delivered } from './deliver.ts';
import { retryRejected } from './retry-rejected.ts';
import { spoolRoots } from './roots.ts';
import { resend, sendLeftovers } from './send.ts';
import { describe, spoolStatus } from './status.ts';
import { parseTime } from './time.ts';

const HELP = `client-cost-spool <command> [--dir <folder>]

Looks after the spool of usage events. Where they go is read from the environment, as the services do
(CLIENT_COST_OTLP_ENDPOINT, …). Safe beside living services.

  status [--json]                     what waits, was sent, refused, damaged
  send                                sends what dead processes left
  resend --since <time> [--until <time>]
                                      sends again what was acknowledged in that time and is still kept:
                                      harmless, the ledger counts an id once
  retry-rejected                      sends again what was refused for good; what is refused again is kept

  --dir <folder>      default: CLIENT_COST_SPOOL_DIR, else the default folders of all services of this user
  --timeout <seconds> default 60
  <time>              2026-11-23T00:00Z, 2026-11-23, or 24h, 90m, 2d ago

Exits 0 when all is done, 1 when something is left or went wrong, 2 when the command line cannot be understood.`;

class UsageError extends Error {}

/** Runs the command; the exit code. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const { values, positionals } = parse(args);
    if (values.help || positionals[0] === 'help') {
      console.log(HELP);
      return 0;
    }
    const [command, ...more] = positionals;
    if (command === undefined) throw new UsageError('no command given');
    if (more.length > 0) throw new UsageError(`what is ${JSON.stringify(more[0])}?`);
    const roots = spoolRoots(values.dir, process.env);
    if (command === 'status') return status(roots, values.json);
    return await run(command, roots, values);
  } catch (error) {
    const usage = error instanceof UsageError;
    console.error(`client-cost-spool: ${messageOf(error)}${usage ? `\n\n${HELP}` : ''}`);
    return usage ? 2 : 1;
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        dir: { type: 'string' },
        since: { type: 'string' },
        until: { type: 'string' },
        timeout: { type: 'string', default: '60' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

type Values = ReturnType<typeof parse>['values'];

function status(roots: readonly string[], json: boolean): number {
  const found = roots.map((root) => spoolStatus(root));
  if (json) console.log(JSON.stringify(found, null, 2));
  else console.log(found.length === 0 ? 'no spool folder found' : found.map(describe).join('\n\n'));
  return 0;
}

async function run(command: string, roots: readonly string[], values: Values): Promise<number> {
  const work = workOf(command, values);
  const timeout = Number(values.timeout);
  if (!(timeout > 0 && timeout <= 86_400)) throw new UsageError(`--timeout ${values.timeout} is no number of seconds`);
  const say = (message: string) => console.error(message);
  diag.setLogger(
    { error: say, warn: say, info: say, debug: () => {}, verbose: () => {} },
    { logLevel: DiagLogLevel.INFO, suppressOverrideMessage: true },
  );
  const config = readExporterConfig();
  if (config.exporter === 'none') throw new Error('CLIENT_COST_EXPORTER=none: there is no destination');
  if (roots.length === 0) console.log('no spool folder found');
  let code = 0;
  for (const root of roots) {
    const { sent, refused, done } = await work(root, config, timeout * 1000);
    const rest = done ? '' : '; NOT ALL: run it again when the destination takes events';
    console.log(`${root}: ${sent} sent, ${refused} refused${refused > 0 ? ' (rejected.jsonl)' : ''}${rest}`);
    if (!done || refused > 0) code = 1;
  }
  return code;
}

type Work = (root: string, config: ReturnType<typeof readExporterConfig>, timeoutMs: number) => Promise<Delivered>;

function workOf(command: string, { since, until }: Values): Work {
  if (command === 'send') return sendLeftovers;
  if (command === 'retry-rejected') return retryRejected;
  if (command !== 'resend') throw new UsageError(`there is no command ${JSON.stringify(command)}`);
  if (since === undefined) throw new UsageError('resend needs --since');
  const span = { since: timeOf('--since', since), until: until === undefined ? Date.now() : timeOf('--until', until) };
  return (root, config, timeoutMs) => resend(root, config, span, timeoutMs);
}

function timeOf(option: string, text: string): number {
  try {
    return parseTime(text);
  } catch (error) {
    throw new UsageError(`${option}: ${messageOf(error)}`);
  }
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
