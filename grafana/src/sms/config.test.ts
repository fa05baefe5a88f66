import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readSmsConfig, SmsConfigError } from './config.ts';
import { configWarnings } from './config-warnings.ts';

const folder = mkdtempSync(join(tmpdir(), 'client-cost-sms-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const GOOD = {
  CLIENT_COST_SMS_DATABASE: ':memory:',
  CLIENT_COST_ALERT_WEBHOOK_SECRET: 'w'.repeat(24),
  CLIENT_COST_ON_CALL: 'ada=+16047771234,bob=+16047775678;carol=+16047779012',
  TWILIO_ACCOUNT_SID: `AC${'a'.repeat(32)}`,
  TWILIO_AUTH_TOKEN: 'b'.repeat(32),
  TWILIO_PHONE_NUMBER: '+16047770000',
};

const problemsOf = (env: Record<string, string | undefined>): readonly string[] => {
  try {
    readSmsConfig({ ...GOOD, ...env });
    return [];
  } catch (error) {
    if (!(error instanceof SmsConfigError)) throw error;
    return error.problems;
  }
};

test('defaults', () => {
  expect(readSmsConfig(GOOD)).toMatchObject({
    host: '127.0.0.1',
    port: 8085,
    publicUrl: undefined,
    linkSeconds: 7 * 86_400,
    escalateAfterSeconds: 900,
    repeatAfterSeconds: 86_400,
    textsPerHour: 10,
    quietHours: undefined,
    grafana: undefined,
    clickhouse: undefined,
    twilio: { from: '+16047770000', apiUrl: undefined, timeoutMs: 15_000 },
    onCall: {
      clients: [
        [
          { name: 'ada', phone: '+16047771234' },
          { name: 'bob', phone: '+16047775678' },
        ],
        [{ name: 'carol', phone: '+16047779012' }],
      ],
    },
  });
});

test('everything set', () => {
  const config = readSmsConfig({
    ...GOOD,
    CLIENT_COST_SMS_HOST: '0.0.0.0',
    CLIENT_COST_SMS_PORT: '0',
    CLIENT_COST_SMS_PUBLIC_URL: 'https://alerts.example.com/sms/',
    CLIENT_COST_SMS_LINK_SECRET: 'l'.repeat(16),
    CLIENT_COST_ON_CALL_OPERATIONS: 'ops=+4915112345678',
    CLIENT_COST_ESCALATE_AFTER_MINUTES: '0.5',
    CLIENT_COST_REPEAT_AFTER_HOURS: '12',
    CLIENT_COST_QUIET_HOURS: '22:00-07:00 America/Edmonton',
    CLIENT_COST_TEXTS_PER_HOUR: '3',
    TWILIO_MESSAGING_SERVICE_SID: `MG${'c'.repeat(32)}`,
    GRAFANA_URL: 'http://grafana:3000/',
    GRAFANA_TOKEN: 'glsa_x',
    CLICKHOUSE_URL: 'http://ch:8123',
    CLICKHOUSE_USER: 'u',
    CLICKHOUSE_PASSWORD: 'p',
  });
  expect(config).toMatchObject({
    publicUrl: 'https://alerts.example.com/sms',
    linkSecret: 'l'.repeat(16),
    escalateAfterSeconds: 30,
    repeatAfterSeconds: 43_200,
    quietHours: { from: '22:00', to: '07:00', timeZone: 'America/Edmonton' },
    textsPerHour: 3,
    grafana: { url: 'http://grafana:3000', token: 'glsa_x' },
    clickhouse: { url: 'http://ch:8123', user: 'u', password: 'p', database: 'client_cost' },
    onCall: { operations: [[{ name: 'ops', phone: '+4915112345678' }]] },
  });
  expect(config.twilio.from).toBe(`MG${'c'.repeat(32)}`);
});

test("the seed's ADMIN_PHONE_NUMBER alone is one person called admin, for both routes", () => {
  const { onCall } = readSmsConfig({ ...GOOD, CLIENT_COST_ON_CALL: '', ADMIN_PHONE_NUMBER: '+16047771234' });
  const admin = [[{ name: 'admin', phone: '+16047771234' }]];
  expect(onCall).toEqual({ clients: admin, operations: admin });
});

test('nothing set: every problem at once', () => {
  try {
    readSmsConfig({});
    expect.unreachable();
  } catch (error) {
    const { problems, message } = error as SmsConfigError;
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
      'CLIENT_COST_ALERT_WEBHOOK_SECRET',
      'TWILIO_ACCOUNT_SID',
      'TWILIO_AUTH_TOKEN',
      'TWILIO_PHONE_NUMBER',
      'CLIENT_COST_ON_CALL',
    ]);
    expect(message).toMatch(/^The SMS service cannot start:\n {2}- CLIENT_COST_ALERT_WEBHOOK_SECRET is missing/);
  }
});

describe('a wrong value is named, masked, and has a way out', () => {
  test.each<[Record<string, string>, RegExp]>([
    [{ CLIENT_COST_SMS_PORT: '70000' }, /^CLIENT_COST_SMS_PORT=70000: expected a whole number from 0 to 65535/],
    [{ CLIENT_COST_SMS_PORT: '8e3' }, /^CLIENT_COST_SMS_PORT=8e3/],
    [{ CLIENT_COST_TEXTS_PER_HOUR: '1.5' }, /expected a whole number from 1/],
    [{ CLIENT_COST_ESCALATE_AFTER_MINUTES: '-1' }, /expected a number from 0 to 1440/],
    [{ CLIENT_COST_SMS_PUBLIC_URL: 'alerts.example.com' }, /expected a URL like https:/],
    [{ CLIENT_COST_SMS_PUBLIC_URL: 'https://a.example.com/?x=1' }, /leave user, password, query and fragment out/],
    [
      { CLIENT_COST_ALERT_WEBHOOK_SECRET: 'short' },
      /^CLIENT_COST_ALERT_WEBHOOK_SECRET: 5 characters are too few.*openssl rand/,
    ],
    [{ CLIENT_COST_SMS_LINK_SECRET: 'short' }, /^CLIENT_COST_SMS_LINK_SECRET: 5 characters/],
    [{ TWILIO_ACCOUNT_SID: 'SK123' }, /^TWILIO_ACCOUNT_SID=SK12…: expected AC and 32 hex digits/],
    [{ TWILIO_PHONE_NUMBER: '604-777-0000' }, /^TWILIO_PHONE_NUMBER: 604•+00 is no phone number: expected E\.164/],
    [
      { CLIENT_COST_ON_CALL: 'ada=+1 604 777 1234' },
      /^CLIENT_COST_ON_CALL: ada's \+1 •+34 is no phone number: write it without blanks/,
    ],
    [{ CLIENT_COST_ON_CALL: '+16047771234' }, /^CLIENT_COST_ON_CALL: \+16•+34 has no name in front: expected ada=/],
    [{ CLIENT_COST_ON_CALL: 'ada=+16047771234,ada=+16047775678' }, /ada has two numbers, \+16•+34 and \+16•+78/],
    [{ CLIENT_COST_ON_CALL: 'ada=+16047771234;bob=+16047771234' }, /ada and bob have the same number/],
    [{ CLIENT_COST_ON_CALL: 'ada=+16047771234,,bob=+16047775678' }, /level 1 has an empty place/],
    [{ CLIENT_COST_ON_CALL: 'ada=+16047770000' }, /ada has the number that texts are sent from/],
    [{ CLIENT_COST_QUIET_HOURS: '22-7' }, /expected like 22:00-07:00 America\/Edmonton/],
    [{ CLIENT_COST_QUIET_HOURS: '22:00-07:00 Mars/Base' }, /Mars\/Base is no IANA time zone/],
    [{ CLIENT_COST_QUIET_HOURS: '22:00-22:00 UTC' }, /begins and ends at the same time/],
    [{ GRAFANA_TOKEN: 'x' }, /GRAFANA_URL is not: silences need both/],
    [{ CLICKHOUSE_URL: 'tcp://x' }, /^CLICKHOUSE_URL "tcp:\/\/x"/],
    [{ TWILIO_AUTH_TOKEN_FILE: '/none' }, /TWILIO_AUTH_TOKEN and TWILIO_AUTH_TOKEN_FILE are both set/],
  ])('%o', (env, expected) => {
    const problems = problemsOf(env);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(expected);
    expect(problems[0]).not.toMatch(/777.?\d{4}/);
  });

  test('several at once', () => {
    expect(
      problemsOf({ CLIENT_COST_SMS_PORT: 'x', TWILIO_PHONE_NUMBER: '1', CLIENT_COST_QUIET_HOURS: 'x' }),
    ).toHaveLength(3);
  });
});

test('secrets from files; a missing or empty file is a problem', () => {
  const file = join(folder, 'token');
  writeFileSync(file, 'from-a-file-0123456789\n');
  const env = { ...GOOD, TWILIO_AUTH_TOKEN: undefined, TWILIO_AUTH_TOKEN_FILE: file };
  expect(readSmsConfig(env).twilio.authToken).toBe('from-a-file-0123456789');
  expect(problemsOf({ ...env, TWILIO_AUTH_TOKEN_FILE: join(folder, 'none') })[0]).toMatch(/there is no such file$/);
  writeFileSync(join(folder, 'empty'), '\n');
  expect(problemsOf({ ...env, TWILIO_AUTH_TOKEN_FILE: join(folder, 'empty') })[0]).toMatch(/the file is empty$/);
});

test('the link secret is made once, kept beside the outbox, readable by its owner only; a dry run writes nothing', () => {
  const database = join(folder, 'new', 'outbox.db');
  const env = { ...GOOD, CLIENT_COST_SMS_DATABASE: database };
  readSmsConfig(env, { dryRun: true });
  expect(() => statSync(join(folder, 'new'))).toThrow();
  const { linkSecret } = readSmsConfig(env);
  expect(linkSecret).toMatch(/^[0-9a-f]{64}$/);
  expect(readSmsConfig(env).linkSecret).toBe(linkSecret);
  expect(statSync(join(folder, 'new', 'link-secret')).mode & 0o777).toBe(0o600);
  writeFileSync(join(folder, 'new', 'link-secret'), '');
  expect(problemsOf(env)[0]).toMatch(/link-secret holds no secret: remove the file/);
});

test('what works, but not as somebody may think, is a warning', () => {
  const warningsOf = (env: Record<string, string>) =>
    configWarnings(readSmsConfig({ ...GOOD, ...env }), { ...GOOD, ...env }).join('\n');
  expect(warningsOf({})).toMatch(/PUBLIC_URL is unset.*\nCLICKHOUSE_URL is unset/);
  const whole = { CLIENT_COST_SMS_PUBLIC_URL: 'https://a.example.com', CLICKHOUSE_URL: 'http://ch:8123' };
  expect(warningsOf(whole)).toBe('');
  expect(warningsOf({ ...whole, CLIENT_COST_SMS_PUBLIC_URL: 'http://a.example.com' })).toMatch(/is not https/);
  expect(warningsOf({ ...whole, CLIENT_COST_SMS_PUBLIC_URL: 'http://127.0.0.1:8085' })).toBe('');
  expect(warningsOf({ ...whole, GRAFANA_URL: 'http://g' })).toMatch(/GRAFANA_TOKEN is unset/);
  expect(warningsOf({ ...whole, ADMIN_PHONE_NUMBER: '+16047771234' })).toMatch(/CLIENT_COST_ON_CALL counts/);
  expect(warningsOf({ ...whole, CLIENT_COST_SMS_PUBLIC_ULR: 'x' })).toMatch(/CLIENT_COST_SMS_PUBLIC_ULR is no setting/);
});
