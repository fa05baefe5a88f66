import { isIP } from 'node:net';
import { resolveConnection } from '@client-cost/clickhouse';
import { readOnCall, readPhone, readQuietHours } from './config-people.ts';
import { linkSecretOf } from './config-secret.ts';
import { maskPhone, Settings, SmsConfigError, type SmsEnv } from './config-values.ts';
import type { OnCall, SmsConfig } from './types.ts';

export { maskPhone, SmsConfigError } from './config-values.ts';

export interface ReadOptions {
  /** Makes no file: a missing link secret is only for this run (`--check-config`). */
  readonly dryRun?: boolean;
}

const MIN_SECRET = 16;

/**
 * All settings of the SMS service, from the environment (docs/sms.md has them in one table). Each secret may also be in a file that
 * `{name}_FILE` names.
 *
 * @throws SmsConfigError with everything that is wrong, numbers and secrets masked
 */
export function readSmsConfig(env: SmsEnv = process.env, options: ReadOptions = {}): SmsConfig {
  const settings = new Settings(env);
  const { problems } = settings;
  const host = settings.text('CLIENT_COST_SMS_HOST') ?? '127.0.0.1';
  const publicUrl = settings.url('CLIENT_COST_SMS_PUBLIC_URL', 'https://alerts.example.com');
  const database = settings.text('CLIENT_COST_SMS_DATABASE') ?? '.client-cost/sms/outbox.db';
  const config: Omit<SmsConfig, 'linkSecret'> = {
    host,
    port: settings.number('CLIENT_COST_SMS_PORT', 8085, 0, 65_535),
    trustedProxies: readProxies(settings),
    publicUrl,
    database,
    webhookSecret: readWebhookSecret(settings),
    linkSeconds: settings.number('CLIENT_COST_SMS_LINK_HOURS', 168, 1, 24 * 62) * 3600,
    twilio: readTwilio(settings),
    onCall: readRoutes(settings),
    escalateAfterSeconds: minutes(settings, 'CLIENT_COST_ESCALATE_AFTER_MINUTES', 15, 0),
    repeatAfterSeconds: Math.round(
      settings.number('CLIENT_COST_REPEAT_AFTER_HOURS', 24, 0.01, 24 * 31, { whole: false }) * 3600,
    ),
    quietHours: readQuietHours(settings, 'CLIENT_COST_QUIET_HOURS'),
    textsPerHour: settings.number('CLIENT_COST_TEXTS_PER_HOUR', 10, 1, 1_000),
    gatherMs: settings.number('CLIENT_COST_SMS_GATHER_MS', 3_000, 0, 600_000),
    grafana: readGrafana(settings),
    clickhouse: readClickHouse(settings, env),
  };
  for (const contact of Object.values(config.onCall).flat(2)) {
    if (contact.phone !== config.twilio.from) continue;
    problems.push(
      `CLIENT_COST_ON_CALL: ${contact.name} has the number that texts are sent from, ${maskPhone(contact.phone)}`,
    );
    break;
  }
  const own = settings.secret('CLIENT_COST_SMS_LINK_SECRET');
  if (own !== undefined && own.length < MIN_SECRET) problems.push(tooShort('CLIENT_COST_SMS_LINK_SECRET', own));
  if (problems.length > 0) throw new SmsConfigError([...new Set(problems)]);
  return { ...config, linkSecret: own ?? linkSecretOf(database, options.dryRun === true) };
}

/** Who is not named here could write any address into the header, and get around every limit. */
function readProxies(settings: Settings): string[] {
  const name = 'CLIENT_COST_SMS_TRUSTED_PROXIES';
  const named = (settings.text(name) ?? '').split(',').map((part) => part.trim());
  return named.filter((part) => {
    if (part === '') return false;
    const [address = '', bits, more] = part.split('/');
    const longest = isIP(address) === 6 ? 128 : 32;
    const fits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= longest);
    if (['loopback', 'linklocal', 'uniquelocal'].includes(part)) return true;
    if (isIP(address) !== 0 && fits && more === undefined) return true;
    settings.problems.push(
      `${name}: ${JSON.stringify(part)} is no address, network (10.0.0.0/8), loopback, linklocal or uniquelocal`,
    );
    return false;
  });
}

function minutes(settings: Settings, name: string, fallback: number, min: number): number {
  return Math.round(settings.number(name, fallback, min, 24 * 60, { whole: false }) * 60);
}

function tooShort(name: string, secret: string): string {
  return `${name}: ${secret.length} characters are too few, at least ${MIN_SECRET}. Make one: openssl rand -hex 24`;
}

/** Required everywhere: without it any page in a browser on this machine could send texts through a service on loopback. */
function readWebhookSecret(settings: Settings): string {
  const name = 'CLIENT_COST_ALERT_WEBHOOK_SECRET';
  const before = settings.problems.length;
  const secret = settings.secret(name);
  if (secret !== undefined && secret.length < MIN_SECRET) settings.problems.push(tooShort(name, secret));
  if (secret === undefined && settings.problems.length === before) {
    settings.problems.push(
      `${name} is missing: anybody could send alerts. Make one (openssl rand -hex 24) and give the same to Grafana's contact point and to "client-cost alerts check"`,
    );
  }
  return secret ?? '';
}

/** Whether a host name or address can only be reached from this machine. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}

function readTwilio(settings: Settings): SmsConfig['twilio'] {
  const accountSid = settings.text('TWILIO_ACCOUNT_SID');
  const authToken = settings.secret('TWILIO_AUTH_TOKEN');
  const number = settings.text('TWILIO_PHONE_NUMBER');
  const service = settings.text('TWILIO_MESSAGING_SERVICE_SID');
  if (accountSid === undefined)
    settings.problems.push('TWILIO_ACCOUNT_SID is missing: it is on the first page of the Twilio console');
  else if (!/^AC[0-9a-f]{32}$/i.test(accountSid)) {
    settings.problems.push(`TWILIO_ACCOUNT_SID=${accountSid.slice(0, 4)}…: expected AC and 32 hex digits`);
  }
  if (authToken === undefined && settings.text('TWILIO_AUTH_TOKEN_FILE') === undefined) {
    settings.problems.push("TWILIO_AUTH_TOKEN is missing: it sends the texts and proves that a callback is Twilio's");
  }
  if (service !== undefined && !/^MG[0-9a-f]{32}$/i.test(service)) {
    settings.problems.push(`TWILIO_MESSAGING_SERVICE_SID=${service}: expected MG and 32 hex digits`);
  }
  if (number === undefined && service === undefined) {
    settings.problems.push(
      'TWILIO_PHONE_NUMBER is missing: the number that texts come from, +1… (or TWILIO_MESSAGING_SERVICE_SID)',
    );
  }
  const from = service ?? (number === undefined ? undefined : readPhone(settings, 'TWILIO_PHONE_NUMBER', number));
  return {
    accountSid: accountSid ?? '',
    authToken: authToken ?? '',
    from: from ?? '',
    apiUrl: settings.url('CLIENT_COST_TWILIO_API_URL', 'http://127.0.0.1:4010'),
    timeoutMs: settings.number('CLIENT_COST_TWILIO_TIMEOUT_MS', 15_000, 100, 120_000),
  };
}

function readRoutes(settings: Settings): SmsConfig['onCall'] {
  const before = settings.problems.length;
  const clients = readOnCall(settings, 'CLIENT_COST_ON_CALL') ?? readAdmin(settings);
  if ((clients === undefined || clients.flat().length === 0) && settings.problems.length === before) {
    settings.problems.push(
      'CLIENT_COST_ON_CALL is missing: nobody would get a text. Expected ada=+14035551234;bob=+14035555678, or ADMIN_PHONE_NUMBER=+14035551234',
    );
  }
  const operations = readOnCall(settings, 'CLIENT_COST_ON_CALL_OPERATIONS');
  return { clients: clients ?? [], operations: operations ?? clients ?? [] };
}

function readAdmin(settings: Settings): OnCall | undefined {
  const text = settings.text('ADMIN_PHONE_NUMBER');
  const phone = text === undefined ? undefined : readPhone(settings, 'ADMIN_PHONE_NUMBER', text);
  return phone === undefined ? undefined : [[{ name: 'admin', phone }]];
}

function readGrafana(settings: Settings): SmsConfig['grafana'] {
  const url = settings.url('GRAFANA_URL', 'https://grafana.example.com');
  const token = settings.secret('GRAFANA_TOKEN');
  if (token !== undefined && url === undefined) {
    if (settings.text('GRAFANA_URL') === undefined) {
      settings.problems.push('GRAFANA_TOKEN is set but GRAFANA_URL is not: silences need both');
    }
    return undefined;
  }
  return url === undefined || token === undefined ? undefined : { url, token };
}

function readClickHouse(settings: Settings, env: SmsEnv): SmsConfig['clickhouse'] {
  if (settings.text('CLICKHOUSE_URL') === undefined) return undefined;
  try {
    return resolveConnection({}, env);
  } catch (error) {
    settings.problems.push((error as Error).message);
    return undefined;
  }
}
