import { readSmsConfig, SmsConfigError } from './config.ts';
import { configWarnings } from './config-warnings.ts';
import { createSmsLog } from './log.ts';
import { startSmsService } from './server/start.ts';
import type { OnCall } from './types.ts';

const HELP = `Usage: node grafana/dist/sms/main.js [--check-config]

The SMS contact point of client-cost: takes Grafana's webhooks, texts who is on call, takes acknowledgements. Settings come from the
environment (docs/sms.md).

  --check-config   says what the settings come to, or what is wrong with them, and ends
  --help

Exit codes: 0 ended by SIGTERM or SIGINT; 1 could not start or failed; 2 wrong settings or arguments.`;

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(HELP);
    return 0;
  }
  const unknown = args.find((arg) => arg !== '--check-config');
  if (unknown !== undefined) {
    console.error(`Unknown argument ${unknown}\n\n${HELP}`);
    return 2;
  }
  const dryRun = args.includes('--check-config');
  const config = readSmsConfig(process.env, { dryRun });
  const log = createSmsLog(config, { level: process.env.CLIENT_COST_SMS_LOG_LEVEL });
  const warnings = configWarnings(config);
  if (dryRun) {
    for (const warning of warnings) console.log(`warning: ${warning}`);
    console.log(`on call: ${names(config.onCall.clients)}`);
    console.log(`on call for the pipeline: ${names(config.onCall.operations)}`);
    console.log('The settings are good.');
    return 0;
  }
  for (const warning of warnings) log.warn({}, warning);
  const stopping = Promise.withResolvers<string>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.resolve(signal));
  const service = await startSmsService(config, { log });
  log.info(
    { url: service.url, database: config.database, clients: names(config.onCall.clients) },
    `Listening on ${service.url}`,
  );
  const signal = await stopping.promise;
  log.info({ signal }, 'Ending: no more requests, the text under way is finished');
  await service.close();
  log.info({}, 'Ended');
  return 0;
}

/** `ada, bob; then carol`: people by name. */
function names(onCall: OnCall): string {
  return onCall.map((level) => level.map(({ name }) => name).join(', ')).join('; then ');
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(
    error instanceof SmsConfigError ? error.message : `The SMS service failed: ${(error as Error).message}`,
  );
  process.exitCode = error instanceof SmsConfigError ? 2 : 1;
}
