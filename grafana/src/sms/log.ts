import { type DestinationStream, pino } from 'pino';
import type { SmsConfig, SmsLog } from './types.ts';

export interface LogOptions {
  /** `info`, `warn`, `error`, `silent`. Default `info`. */
  readonly level?: string | undefined;
  /** Default: standard output. */
  readonly destination?: DestinationStream;
}

/**
 * The service's log: one JSON object a line. No phone number and no secret of the configuration gets into it, whatever a library's error says:
 * every string is searched for them.
 */
export function createSmsLog(config: SmsConfig, { level, destination }: LogOptions = {}): SmsLog {
  const clean = scrubber(config);
  return pino(
    {
      level: level ?? 'info',
      base: { service: 'client-cost-sms' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: (fields) => cleanFields(fields, clean) },
      hooks: {
        logMethod(args, method) {
          const cleaned = args.map((arg: unknown) => (typeof arg === 'string' ? clean(arg) : arg));
          method.apply(this, cleaned as Parameters<typeof method>);
        },
      },
    },
    ...(destination === undefined ? [] : [destination]),
  );
}

/** Takes phone numbers (any in E.164, also percent-encoded, and those on call in any writing) and secrets out of a text. */
export function scrubber(config: SmsConfig): (text: string) => string {
  const secrets = [
    config.webhookSecret,
    config.linkSecret,
    config.twilio.authToken,
    config.grafana?.token,
    config.clickhouse?.password,
  ];
  const people = [...config.onCall.clients, ...config.onCall.operations].flat();
  const numbers = [...people.map(({ phone }) => phone), config.twilio.from].filter((phone) => phone.startsWith('+'));
  const known = [...new Set(numbers.flatMap((phone) => [phone.slice(1), phone.slice(2)]))].filter(
    (digits) => digits.length >= 7,
  );
  const spaced = known.map((digits) => digits.split('').join('[\\s().-]{0,3}'));
  const patterns: [RegExp, string][] = [
    [/(?:\+|%2B)[1-9](?:[\s().-]?\d){6,14}/gi, '[number]'],
    ...spaced.map((pattern): [RegExp, string] => [new RegExp(pattern, 'g'), '[number]']),
  ];
  for (const secret of secrets) {
    if (secret !== undefined && secret.length >= 6)
      patterns.push([new RegExp(secret.replace(/[^\w]/g, '\\$&'), 'g'), '[secret]']);
  }
  return (text) => patterns.reduce((cleaned, [pattern, shown]) => cleaned.replace(pattern, shown), text);
}

function cleanFields(fields: Record<string, unknown>, clean: (text: string) => string): Record<string, unknown> {
  const seen = new Set<object>();
  const walk = (value: unknown, depth: number): unknown => {
    if (typeof value === 'string') return clean(value);
    if (value instanceof Error) return clean(`${value.name}: ${value.message}`);
    if (typeof value !== 'object' || value === null) return value;
    if (depth > 6 || seen.has(value)) return '[…]';
    seen.add(value);
    if (Array.isArray(value)) return value.map((item) => walk(item, depth + 1));
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [clean(key), walk(item, depth + 1)]));
  };
  return walk(fields, 0) as Record<string, unknown>;
}
