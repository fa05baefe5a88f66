import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { afterAll, describe, expect, test } from 'vitest';
import { runCli } from '../../../clickhouse/src/cli/program.ts';
import { readExporterConfig } from '../../../exporter/src/config.ts';
import { readSmsConfig } from '../../../grafana/src/sms/config.ts';
import { marks } from './providers.ts';
import { Search } from './search.ts';

// Every setting that holds a secret, or may, with values that cannot be used: what is said of it names the setting and not the value.

const root = join(import.meta.dirname, '..', '..', '..');
const register = createRequire(import.meta.url).resolve('@client-cost/instrumentation/register');
const dir = mkdtempSync(join(tmpdir(), 'client-cost-config-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const { mark, planted } = marks;

/** Values that no reader can use, or that a reader would like to show, each with the marker in it. */
const SHAPES: readonly (readonly [string, (secret: string) => string])[] = [
  ['as it is', (secret) => secret],
  ['an address with a password', (secret) => `http://user:${secret}@127.0.0.1:1/x`],
  ['an address that is none, with a password', (secret) => `http://user:${secret}@exa mple:99999/`],
  ['an address without a scheme, with a password', (secret) => `user:${secret}@db.internal:8123`],
  ['an address of another kind', (secret) => `ftp://user:${secret}@db.internal/`],
  ['an address with a key in its query', (secret) => `http://127.0.0.1:1/?key=${secret}`],
  ['an address that is none, with a key in its query', (secret) => `127.0.0.1:1?key=${secret}`],
  ['broken JSON', (secret) => `[{"name": "default", "password": "${secret}"`],
  ['JSON of another kind', (secret) => `{"password": "${secret}"}`],
  ['two lines', (secret) => `${secret}\r\nx-more: ${secret}`],
  ['a header', (secret) => `Bearer ${secret}=`],
  ['a header with a broken escape', (secret) => `authorization=Bearer%2${secret}%`],
];

const SECRETS = {
  service: [
    'OTEL_EXPORTER_OTLP_HEADERS',
    'OTEL_EXPORTER_OTLP_LOGS_HEADERS',
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'CLIENT_COST_OTLP_ENDPOINT',
    'CLIENT_COST_OTLP_TOKEN',
    'CLIENT_COST_CLICKHOUSE_PASSWORD',
    'CLIENT_COST_CLICKHOUSE_URL',
    'TWILIO_AUTH_TOKEN',
    'OPENAI_API_KEY',
  ],
  command: [
    'CLICKHOUSE_URL',
    'CLICKHOUSE_PASSWORD',
    'CLICKHOUSE_READER_PASSWORD',
    'CLICKHOUSE_WRITER_PASSWORD',
    'CLIENT_COST_ALERT_WEBHOOK_URL',
    'CLIENT_COST_ALERT_WEBHOOK_SECRET',
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'CLIENT_COST_COLLECTOR_HEALTH_URL',
    'TWILIO_ACCOUNT_SID',
    'TWILIO_AUTH_TOKEN',
    'TWILIO_API_KEY',
    'TWILIO_API_SECRET',
    'STRIPE_API_KEY',
    'OPENAI_API_KEY',
    'OPENAI_ADMIN_KEY',
    'R2_ACCESS_KEY_ID',
    'R2_SECRET_ACCESS_KEY',
  ],
  sms: [
    'CLIENT_COST_ALERT_WEBHOOK_SECRET',
    'CLIENT_COST_SMS_LINK_SECRET',
    'CLIENT_COST_SMS_PUBLIC_URL',
    'CLIENT_COST_TWILIO_API_URL',
    'TWILIO_AUTH_TOKEN',
    'GRAFANA_TOKEN',
    'GRAFANA_URL',
    'CLICKHOUSE_URL',
    'CLICKHOUSE_PASSWORD',
  ],
} as const;

const secretOf = (name: string) => mark(`setting ${name}`);

/** Runs a program of ours, and gives all that it wrote. */
function run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      env: { PATH: process.env.PATH, HOME: dir, OTEL_LOG_LEVEL: 'ALL', ...env },
      cwd: dir,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (part) => {
        text += part;
      });
    }
    child.once('close', () => resolve(text));
  });
}

/** The command in this process. */
async function command(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  let text = '';
  const write = (part: string) => {
    text += part;
  };
  const code = await runCli(args, {
    stdout: write,
    stderr: write,
    env: { HOME: dir, ...env },
    tty: false,
    now: () => new Date(),
  });
  expect([args, code]).not.toEqual([args, 0]);
  return text;
}

/** What is thrown, with its stack and fields. */
function thrown(work: () => unknown): string {
  try {
    return inspect(work());
  } catch (error) {
    return `${inspect(error)} ${JSON.stringify(error)}`;
  }
}

const leaks = (text: string) =>
  new Search(planted.values()).find(text).map(({ mark: name, context }) => `${name}: ${context}`);

describe.each(SHAPES)('%s', (about, shape) => {
  const isAddress = about.startsWith('an address');
  // What is no address at all is no password of one.
  const env = (names: readonly string[]) =>
    Object.fromEntries(
      names.filter((name) => isAddress || !/URL|ENDPOINT/.test(name)).map((name) => [name, shape(secretOf(name))]),
    );
  /** All at once; and each address alone, so that one that is refused does not hide another. */
  const environments = (names: readonly string[]) => [
    env(names),
    ...(isAddress ? names.filter((name) => /URL|ENDPOINT/.test(name)).map((name) => env([name])) : []),
  ];

  test('the command says nothing of it', async () => {
    const map = join(dir, 'map.json');
    writeFileSync(map, '{}');
    const nowhere = { CLICKHOUSE_URL: 'http://127.0.0.1:1' };
    const said: string[] = [];
    for (const args of [
      ['doctor'],
      ['report'],
      ['migrate'],
      ['settle', 'twilio', '--since', '2026-01-01'],
      ['settle', 'stripe', '--since', '2026-01-01'],
      ['measure', 'r2', '--buckets', map],
      ['reconcile', '--month', '2026-01'],
      ['alerts', 'check'],
    ]) {
      said.push(await command(args, env(SECRETS.command)));
      said.push(await command(args, { ...env(SECRETS.command), ...nowhere }));
    }
    for (const text of said) expect(text.length).toBeGreaterThan(10);
    expect(said.flatMap(leaks)).toEqual([]);
  });

  test('the settings of the SMS service say nothing of it', () => {
    const said = environments(SECRETS.sms).map((one) => {
      try {
        readSmsConfig(one, { dryRun: true });
        return '';
      } catch (error) {
        return `${inspect(error)} ${JSON.stringify(error)}`;
      }
    });
    expect(said.join('')).toContain('CLIENT_COST_ON_CALL is missing');
    expect(said.flatMap(leaks)).toEqual([]);
  });

  test("the settings of a service's exporter say nothing of it, at any log level", () => {
    const said: string[] = [];
    const write = (...args: unknown[]) => void said.push(inspect(args));
    diag.setLogger(
      { error: write, warn: write, info: write, debug: write, verbose: write },
      { logLevel: DiagLogLevel.ALL, suppressOverrideMessage: true },
    );
    for (const one of environments(SECRETS.service)) {
      said.push(inspect(thrown(() => void readExporterConfig(one))));
      said.push(inspect(thrown(() => void readExporterConfig({ ...one, CLIENT_COST_EXPORTER: 'clickhouse' }))));
    }
    diag.disable();
    expect(said.flatMap(leaks)).toEqual([]);
  });
});

test("the engine's users are not quoted", async () => {
  const main = join(root, 'clickhouse/dist/engine/main.js');
  // A host that is none: no engine shall run where its users can be read.
  const start = [main, '--data-dir', join(dir, 'data'), '--host', '256.0.0.1'];
  for (const [name, shape] of SHAPES.filter(([name]) => /as it is|JSON|lines/.test(name))) {
    const file = join(dir, `users-${name.replace(/\W/g, '')}.json`);
    writeFileSync(file, shape(secretOf('users file')));
    const said = await run(start, { CLIENT_COST_ENGINE_USERS: shape(secretOf('CLIENT_COST_ENGINE_USERS')) });
    expect([said.length > 10, leaks(said + (await run([...start, '--users-file', file], {})))]).toEqual([true, []]);
  }
});

test('a measured service says nothing of them, with everything logged', async () => {
  const code =
    "const { recordUsage } = require('@client-cost/instrumentation'); recordUsage({ service: 'a', operation: 'b', cost: '1' })";
  for (const [name, shape] of SHAPES.filter(([name]) => /kind|escape|without a scheme/.test(name))) {
    const said = await run(['--require', register, '-e', code], {
      CLIENT_COST_SPOOL_DIR: join(dir, 'spool'),
      CLIENT_COST_EXIT_TIMEOUT_MS: '500',
      ...Object.fromEntries(SECRETS.service.map((one) => [one, shape(secretOf(one))])),
    });
    expect([name, leaks(said)]).toEqual([name, []]);
  }
});

test('objects that an application holds show no secret', async () => {
  const { resolveConnection, createLedgerClient } = await import('../../../clickhouse/dist/index.js');
  const { createUsageExporter } = await import('@client-cost/exporter');
  const env = { CLICKHOUSE_PASSWORD: secretOf('inspected password') };
  const client = createLedgerClient(resolveConnection({}, env));
  process.env.CLIENT_COST_OTLP_TOKEN = secretOf('inspected token');
  process.env.CLIENT_COST_SPOOL_DIR = join(dir, 'inspected');
  const exporter = createUsageExporter({ resource: { attributes: {} } });
  delete process.env.CLIENT_COST_OTLP_TOKEN;
  delete process.env.CLIENT_COST_SPOOL_DIR;
  const shown = [exporter].map((value) => `${inspect(value, { depth: 8 })} ${JSON.stringify(value)}`);
  await client.close();
  await exporter?.shutdown();
  expect(shown.flatMap(leaks)).toEqual([]);
});

test('a file of passwords that is broken is not quoted', async () => {
  const { loadPasswords, passwordFile } = await import('../../../clickhouse/src/stack/secrets.ts');
  writeFileSync(passwordFile(dir), `{"client_cost": "${mark('kept password')}" "grafana"}`);
  let said = '';
  try {
    loadPasswords(dir);
  } catch (error) {
    said = inspect(error);
  }
  expect(said).toContain('cannot be read');
  expect(leaks(said)).toEqual([]);
});
