import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diag } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { otlpToken, readExporterConfig } from './config.ts';
import { heardMessages } from './testing/log.ts';

let messages: string[];

beforeEach(() => {
  messages = heardMessages();
});

afterEach(() => diag.disable());

test('the spool folder is the one meant at start, wherever the service goes', () => {
  expect(readExporterConfig({ CLIENT_COST_SPOOL_DIR: 'spool' }).spoolDir).toBe(join(process.cwd(), 'spool'));
  expect(readExporterConfig({ CLIENT_COST_SPOOL_DIR: tmpdir() }).spoolDir).toBe(tmpdir());
});

test('the defaults', () => {
  expect(readExporterConfig({})).toEqual({
    exporter: 'otlp',
    otlp: { url: 'http://localhost:4318/v1/logs', headers: {}, timeoutMs: 10_000, gzip: false, tls: {}, files: {} },
    clickhouse: {
      url: 'http://localhost:8123',
      user: 'default',
      password: '',
      database: 'client_cost',
      tls: {},
      files: {},
    },
    spoolMaxBytes: 2_147_483_648,
    keepMs: 86_400_000,
    keepBytes: 67_108_864,
    fsync: 'never',
    exitTimeoutMs: 5_000,
    flushIntervalMs: 1_000,
    batchSize: 1_000,
  });
  expect(messages).toEqual([]);
});

test.each([
  [
    {
      CLIENT_COST_OTLP_ENDPOINT: 'http://a:1',
      OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'http://b/x',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c',
    },
    'http://a:1/v1/logs',
  ],
  [{ OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'http://b/x', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c' }, 'http://b/x'],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c/base/' }, 'https://c/base/v1/logs'],
  [{ CLIENT_COST_OTLP_ENDPOINT: ' ' }, 'http://localhost:4318/v1/logs'],
])('the endpoint of %j', (env, url) => {
  expect(readExporterConfig(env).otlp.url).toBe(url);
});

test('OTLP settings of logs win over the general ones; headers are decoded and joined', () => {
  const { otlp } = readExporterConfig({
    OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Basic%20abc=, x-tenant=general',
    OTEL_EXPORTER_OTLP_LOGS_HEADERS: 'x-tenant=logs',
    OTEL_EXPORTER_OTLP_TIMEOUT: '1000',
    OTEL_EXPORTER_OTLP_LOGS_TIMEOUT: '2000',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
  });
  expect(otlp).toMatchObject({
    headers: { authorization: 'Basic abc=', 'x-tenant': 'logs' },
    timeoutMs: 2000,
    gzip: true,
  });
});

test.each([
  ['CLIENT_COST_EXPORTER', 'kafka'],
  ['CLIENT_COST_OTLP_ENDPOINT', 'collector:4318'],
  ['CLIENT_COST_CLICKHOUSE_URL', 'tcp://ch:9000'],
  ['CLIENT_COST_EXIT_TIMEOUT_MS', '-1'],
  ['CLIENT_COST_FLUSH_INTERVAL_MS', '1e3'],
  ['CLIENT_COST_BATCH_SIZE', '0'],
  ['CLIENT_COST_SPOOL_FSYNC', 'sometimes'],
  ['CLIENT_COST_SPOOL_MAX_BYTES', '512MB'],
  ['OTEL_EXPORTER_OTLP_TIMEOUT', 'soon'],
  ['OTEL_EXPORTER_OTLP_LOGS_COMPRESSION', 'zstd'],
  ['CLIENT_COST_CLICKHOUSE_PASSWORD_FILE', '/no/such/secret'],
])('%s=%s is named once and the default holds', (name, value) => {
  expect(readExporterConfig({ [name]: value })).toEqual(readExporterConfig({}));
  expect(messages).toHaveLength(1);
  expect(messages[0]).toContain(name);
  expect(messages[0]).toContain(value);
});

test('secrets are never shown', () => {
  const config = readExporterConfig({
    OTEL_EXPORTER_OTLP_HEADERS: 'good=1,authorization=Bearer%ZZsecret,secretwithoutkey,bad name=secret',
    CLIENT_COST_OTLP_ENDPOINT: 'ftp://user:secret@host',
  });
  expect(config.otlp.headers).toEqual({ good: '1' });
  expect(messages).toHaveLength(4);
  expect(messages.join()).not.toContain('secret');
});

test('a password file wins nothing over a given password and loses its line end', () => {
  const dir = mkdtempSync(join(tmpdir(), 'client-cost-exporter-'));
  const file = join(dir, 'password');
  writeFileSync(file, 'p w\n');
  const read = (env: NodeJS.ProcessEnv) => readExporterConfig(env).clickhouse.password;
  expect(read({ CLIENT_COST_CLICKHOUSE_PASSWORD_FILE: file })).toBe('p w');
  expect(read({ CLIENT_COST_CLICKHOUSE_PASSWORD_FILE: file, CLIENT_COST_CLICKHOUSE_PASSWORD: 'x' })).toBe('x');
  rmSync(dir, { recursive: true });
});

test.each([
  ['OTEL_EXPORTER_OTLP_CERTIFICATE', 'ca'],
  ['OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY', 'key'],
  ['CLIENT_COST_OTLP_TOKEN_FILE', 'token'],
])('%s that cannot be read is named once, and looked at again later', (name, kind) => {
  const { otlp } = readExporterConfig({ [name]: '/no/such/file' });
  expect(otlp).toMatchObject({ tls: {}, headers: {}, files: { [kind]: '/no/such/file' } });
  expect(messages).toHaveLength(1);
  expect(messages[0]).toContain(`${name}="/no/such/file" it cannot be read`);
});

describe('the token', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'client-cost-token-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));
  const file = (text: string) => {
    writeFileSync(join(dir, 'token'), text);
    return join(dir, 'token');
  };

  test('is a bearer token as it stands, without percent-encoding, and goes before one among the headers', () => {
    const env = {
      CLIENT_COST_OTLP_TOKEN: ' a%20b=c+/, ',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20x,x-tenant=t',
    };
    expect(readExporterConfig(env).otlp.headers).toEqual({ authorization: 'Bearer a%20b=c+/,', 'x-tenant': 't' });
    expect(messages).toEqual([]);
  });

  test('of a file; the variable goes before the file', () => {
    const path = file('from-file\n');
    const { otlp } = readExporterConfig({ CLIENT_COST_OTLP_TOKEN_FILE: path });
    expect(otlp).toMatchObject({ headers: { authorization: 'Bearer from-file' }, files: { token: path } });
    const both = readExporterConfig({ CLIENT_COST_OTLP_TOKEN_FILE: path, CLIENT_COST_OTLP_TOKEN: 'own' }).otlp;
    expect(both).toMatchObject({ headers: { authorization: 'Bearer own' }, files: {} });
  });

  test.each(['two\nlines', 'bl ank', 'nul\0', ''])('%j in a file is no token: said without it', (text) => {
    const { otlp } = readExporterConfig({ CLIENT_COST_OTLP_TOKEN_FILE: file(text) });
    expect(otlp.headers).toEqual({});
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain('holds no token');
    if (text !== '') expect(messages[0]).not.toContain(text);
    expect(readExporterConfig({ CLIENT_COST_OTLP_TOKEN: 'se cret' }).otlp.headers).toEqual({});
    expect(messages.join()).not.toContain('cret');
  });

  test('for the other exporters: with the one address that it is for, and only when it is set', () => {
    expect(otlpToken({ OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20x' })).toBeUndefined();
    expect(
      otlpToken({ CLIENT_COST_OTLP_TOKEN_FILE: file('t'), OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c:4318' }),
    ).toEqual({
      authorization: 'Bearer t',
      url: 'https://c:4318/v1/logs',
    });
  });
});

test('the gRPC port is pointed out', () => {
  readExporterConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4317' });
  expect(messages[0]).toMatch(/OTEL_EXPORTER_OTLP_ENDPOINT names port 4317.*CLIENT_COST_OTLP_ENDPOINT/);
});
