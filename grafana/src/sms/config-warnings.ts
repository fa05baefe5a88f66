import { isLoopback } from './config.ts';
import type { SmsEnv } from './config-values.ts';
import type { SmsConfig } from './types.ts';

const KNOWN = new Set(
  [
    'HOST',
    'PORT',
    'PUBLIC_URL',
    'TRUSTED_PROXIES',
    'DATABASE',
    'LINK_SECRET',
    'LINK_SECRET_FILE',
    'LINK_HOURS',
    'GATHER_MS',
    'LOG_LEVEL',
    'URL',
  ].map((name) => `CLIENT_COST_SMS_${name}`),
);

/** What works, but not as somebody might think; the service says it when it starts. */
export function configWarnings(config: SmsConfig, env: SmsEnv = process.env): string[] {
  const warnings: string[] = [];
  const { publicUrl } = config;
  if (publicUrl === undefined) {
    warnings.push(
      'CLIENT_COST_SMS_PUBLIC_URL is unset: texts carry no link; Twilio is asked every few seconds for answers and delivery instead of telling them',
    );
  } else if (publicUrl.startsWith('http:') && !isLoopback(new URL(publicUrl).hostname)) {
    warnings.push(
      `CLIENT_COST_SMS_PUBLIC_URL=${publicUrl} is not https: links that acknowledge can be read on the way`,
    );
  }
  if (!isLoopback(config.host) && publicUrl?.startsWith('https:') !== true) {
    warnings.push(
      `CLIENT_COST_SMS_HOST=${config.host} listens beyond this machine without TLS: put a proxy with TLS in front, and set CLIENT_COST_SMS_PUBLIC_URL`,
    );
  }
  if (config.clickhouse === undefined) {
    warnings.push(
      'CLICKHOUSE_URL is unset: the life of alerts stays in the outbox, dashboards and report do not show it',
    );
  }
  if (env.GRAFANA_URL && config.grafana === undefined) {
    warnings.push('GRAFANA_TOKEN is unset: an acknowledged alert is not silenced in Grafana');
  }
  if (env.TWILIO_MESSAGING_SERVICE_SID && env.TWILIO_PHONE_NUMBER) {
    warnings.push('TWILIO_MESSAGING_SERVICE_SID and TWILIO_PHONE_NUMBER are both set: the Messaging Service sends');
  }
  if ((env.CLIENT_COST_ON_CALL || env.CLIENT_COST_ON_CALL_FILE) && env.ADMIN_PHONE_NUMBER) {
    warnings.push('CLIENT_COST_ON_CALL and ADMIN_PHONE_NUMBER are both set: CLIENT_COST_ON_CALL counts');
  }
  for (const name of Object.keys(env)) {
    if (name.startsWith('CLIENT_COST_SMS_') && !KNOWN.has(name)) {
      warnings.push(`${name} is no setting of this service: misspelt? (${[...KNOWN].join(', ')})`);
    }
  }
  return warnings;
}
