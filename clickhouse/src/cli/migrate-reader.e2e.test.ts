import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTestEngine, type TestEngine } from '../queries/testing/ledger.ts';
import { runCli } from './program.ts';

/**
 * The real engine behind a proxy that takes users by SQL, as a ClickHouse server does: such statements are written down (and not
 * passed on: the engine has no SQL access control), everything else is the engine's own answer.
 */
let engine: TestEngine;
let proxy: Server;
let url: string;
const users: string[] = [];
const scratch = mkdtempSync(join(tmpdir(), 'migrate-reader-'));

beforeAll(async () => {
  engine = await startTestEngine();
  const answerOne = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const sql = Buffer.concat(chunks).toString('utf8').trim();
    if (/^(CREATE|ALTER) USER|^GRANT/.test(sql)) {
      users.push(sql);
      return void response.end();
    }
    if (sql.includes('system.user_directories')) return void response.end('{"value":"1"}\n');
    const { authorization = '' } = request.headers;
    const answer = await fetch(new URL(request.url ?? '/', engine.url), {
      method: 'POST',
      headers: { authorization },
      body: sql,
      signal: AbortSignal.timeout(60_000),
    });
    const code = answer.headers.get('x-clickhouse-exception-code');
    response.writeHead(answer.status, code === null ? {} : { 'X-ClickHouse-Exception-Code': code });
    response.end(Buffer.from(await answer.arrayBuffer()));
  };
  proxy = createServer((request, response) => {
    answerOne(request, response).catch((error: Error) => response.writeHead(502).end(error.message));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
});
afterAll(async () => {
  rmSync(scratch, { recursive: true, force: true });
  proxy?.closeAllConnections();
  await new Promise((resolve) => proxy?.close(resolve));
  await engine?.stop();
});
beforeEach(() => void users.splice(0));

async function migrate(argv: string[], env: NodeJS.ProcessEnv, server = url) {
  let out = '';
  let err = '';
  const code = await runCli(['migrate', ...argv], {
    stdout: (text) => {
      out += text;
    },
    stderr: (text) => {
      err += text;
    },
    env: { CLICKHOUSE_URL: server, CLICKHOUSE_DATABASE: 'readable', ...env },
    tty: false,
    now: () => new Date(),
  });
  return { code, out, err };
}

test('on a server the reader comes after the tables, each time anew, and nobody sees the password', async () => {
  const env = { CLICKHOUSE_READER_PASSWORD: 'kept-to-itself' };
  const first = await migrate([], env);
  expect(first).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^readable is at version \d+\nreading user grafana: rights on readable, .*\n$/),
  });
  expect(users.map((sql) => sql.split(' ')[0])).toEqual(['CREATE', 'ALTER', ...Array<string>(5).fill('GRANT')]);
  expect(users[2]).toBe('GRANT SELECT ON `readable`.* TO `grafana`');
  const again = await migrate([], { ...env, CLICKHOUSE_READER_PASSWORD: 'a-new-one' });
  expect(again.out).toMatch(/is up to date.*\nreading user grafana/);
  expect(users).toHaveLength(14);
  expect([first, again, users].map((said) => JSON.stringify(said)).join()).not.toMatch(/kept-to-itself|a-new-one/);
});

test('name and password file are the environment’s; a dry run only shows', async () => {
  const file = join(scratch, 'password');
  writeFileSync(file, 'from a file\n');
  const env = { CLICKHOUSE_READER_USER: 'viewer', CLICKHOUSE_READER_PASSWORD_FILE: file };
  const dry = await migrate(['--dry-run'], env);
  expect(dry.out).toContain(
    "-- the reading user viewer\nCREATE USER IF NOT EXISTS `viewer` IDENTIFIED WITH sha256_hash BY '…' SALT '…'",
  );
  expect(users).toEqual([]);
  expect((await migrate([], env)).code).toBe(0);
  expect(users[0]).toContain('CREATE USER IF NOT EXISTS `viewer`');
  const missing = await migrate([], { CLICKHOUSE_READER_PASSWORD_FILE: join(scratch, 'none') });
  expect(missing).toMatchObject({ code: 2, err: expect.stringContaining('CLICKHOUSE_READER_PASSWORD_FILE') });
});

test('the writing, operating and SMS user are made beside it, one name each', async () => {
  const file = join(scratch, 'writer');
  writeFileSync(file, 'written down\n');
  const env = {
    CLICKHOUSE_WRITER_PASSWORD_FILE: file,
    CLICKHOUSE_OPERATOR_PASSWORD: 'kept-to-itself',
    CLICKHOUSE_SMS_PASSWORD: 'kept-to-itself',
    CLICKHOUSE_SMS_USER: 'texts',
  };
  const made = await migrate([], env);
  expect(made.code).toBe(0);
  expect(made.out).toMatch(
    /^writing user client_cost_writer: .*\noperating user client_cost_operator: .*\nSMS user texts: /m,
  );
  expect(made.err).toContain('no reading user for Grafana made or changed: CLICKHOUSE_READER_PASSWORD is not set');
  expect(users.filter((sql) => sql.startsWith('GRANT')).map((sql) => sql.split(' TO ')[1])).toEqual(
    ['client_cost_writer', 'client_cost_operator', 'texts'].map((name) => `\`${name}\` WITH REPLACE OPTION`),
  );
  expect(JSON.stringify([made, users])).not.toMatch(/kept-to-itself|written down/);
  const twice = await migrate([], { ...env, CLICKHOUSE_SMS_USER: 'client_cost_writer' });
  expect(twice).toMatchObject({ code: 2, err: expect.stringContaining('each needs a user of its own') });
});

test('without a password, and on the embedded engine, it says that it makes none', async () => {
  const without = await migrate([], {});
  expect(without).toMatchObject({ code: 0, err: expect.stringContaining('CLICKHOUSE_READER_PASSWORD is not set') });
  const embedded = await migrate([], { CLICKHOUSE_READER_PASSWORD: 'p' }, engine.url);
  expect(embedded).toMatchObject({ code: 0, err: expect.stringContaining('takes none by SQL') });
  expect(users).toEqual([]);
});

test('the user that migrates is not made read-only', async () => {
  const result = await migrate([], { CLICKHOUSE_READER_USER: 'default', CLICKHOUSE_READER_PASSWORD: 'p' });
  expect(result).toMatchObject({ code: 2, err: expect.stringContaining('"default" is the user that migrates') });
  expect(users).toEqual([]);
});
