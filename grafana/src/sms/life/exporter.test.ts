import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { readSmsConfig } from '../config.ts';
import { openStore } from '../store/open.ts';
import type { SmsDeps } from '../types.ts';
import { KEEP_MS, prune } from './export.ts';
import { createLifeExporter, type LifeExporter } from './exporter.ts';

let server: Server;
let life: LifeExporter;
afterEach(async () => {
  await life?.stop();
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
});

type Answer = { status: number; body?: string } | 'reset' | 'hang' | 'take and reset';

/** ClickHouse's HTTP interface, as far as inserts go: fails as told, then takes rows. */
async function startClickHouse(answers: Answer[] = []) {
  const rows: Record<string, unknown>[] = [];
  const inserts: number[] = [];
  server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const sent = Buffer.concat(parts)
      .toString()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    inserts.push(sent.length);
    const answer = answers.shift();
    if (answer === 'take and reset') rows.push(...sent);
    if (answer === 'reset' || answer === 'take and reset') return request.socket.resetAndDestroy();
    if (answer === 'hang') return;
    if (answer === undefined) rows.push(...sent);
    response.writeHead(answer?.status ?? 200);
    response.end(answer?.body ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, rows, inserts };
}

function depsFor(url: string): SmsDeps & { said: string[] } {
  const config = readSmsConfig({
    CLIENT_COST_SMS_DATABASE: ':memory:',
    CLIENT_COST_ALERT_WEBHOOK_SECRET: 'w'.repeat(24),
    CLIENT_COST_ON_CALL: 'ada=+14035551234',
    TWILIO_ACCOUNT_SID: `AC${'a'.repeat(32)}`,
    TWILIO_AUTH_TOKEN: 'b'.repeat(32),
    TWILIO_PHONE_NUMBER: '+14035550000',
    CLICKHOUSE_URL: url,
  });
  const said: string[] = [];
  const log = {
    info: () => {},
    warn: (_: unknown, text: string) => said.push(text),
    error: (_: unknown, text: string) => said.push(text),
  };
  return { db: openStore(':memory:'), config, clock: { now: () => Date.now() }, log, said };
}

function add({ db }: SmsDeps, count: number, row: Record<string, unknown> = {}): void {
  const insert = db.prepare('INSERT INTO events (id, at, alert_key, event, row) VALUES (?, ?, ?, ?, ?)');
  for (let i = 0; i < count; i++)
    insert.run(`e${i}`, i, 'k', 'fired', JSON.stringify({ event_id: `e${i}`, error: '', ...row }));
}

const waiting = ({ db }: SmsDeps) =>
  (db.prepare('SELECT count(*) AS n FROM events WHERE exported_at IS NULL').get() as { n: number }).n;

async function until(check: () => boolean): Promise<void> {
  for (let i = 0; i < 300 && !check(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(check()).toBe(true);
}

const FAST = { pollMs: 5, retryMs: 5, maxRetryMs: 20 };

test('in batches, in order', async () => {
  const { url, rows, inserts } = await startClickHouse();
  const deps = depsFor(url);
  add(deps, 1_201);
  life = createLifeExporter(deps, FAST);
  life.start();
  await life.idle();
  expect(inserts).toEqual([500, 500, 201]);
  expect(rows.map(({ event_id }) => event_id)).toEqual(Array.from({ length: 1_201 }, (_, i) => `e${i}`));
  expect(waiting(deps)).toBe(0);
});

test('tried again through every kind of failure, without end; what may have arrived is sent again', async () => {
  const failures: Answer[] = [
    'reset',
    { status: 500, body: 'Code: 241. DB::Exception: Memory limit exceeded' },
    'take and reset',
    { status: 404, body: 'Code: 60. DB::Exception: Table does not exist' },
    { status: 516, body: 'Code: 516. DB::Exception: Authentication failed' },
    { status: 502, body: '<html>' },
  ];
  const { url, rows } = await startClickHouse(failures);
  const deps = depsFor(url);
  add(deps, 2);
  life = createLifeExporter(deps, FAST);
  life.start();
  await until(() => waiting(deps) === 0);
  expect(rows.map(({ event_id }) => event_id)).toEqual(['e0', 'e1', 'e0', 'e1']);
  expect(deps.said.length).toBeGreaterThan(0);
});

test('ends soon, whatever ClickHouse does; its rows stay', async () => {
  const { url } = await startClickHouse(['hang', 'hang', 'hang']);
  const deps = depsFor(url);
  add(deps, 1);
  life = createLifeExporter(deps, FAST);
  life.start();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const begun = performance.now();
  await life.stop();
  expect(performance.now() - begun).toBeLessThan(5_000);
  expect(waiting(deps)).toBe(1);
});

test('an error that names a number leaves without it', async () => {
  const { url, rows } = await startClickHouse();
  const deps = depsFor(url);
  add(deps, 1, { error: "The 'To' number +14035551234 is not valid", client_name: 'Acme' });
  life = createLifeExporter(deps, FAST);
  life.start();
  await life.idle();
  expect(rows).toEqual([{ event_id: 'e0', error: "The 'To' number [number] is not valid", client_name: 'Acme' }]);
});

test('what ClickHouse has had for a month is removed here, nothing else', () => {
  const deps = depsFor('http://127.0.0.1:1');
  server = createServer();
  life = createLifeExporter(deps, FAST);
  add(deps, 3);
  const old = Date.now() - KEEP_MS - 1;
  deps.db.prepare('UPDATE events SET exported_at = ? WHERE id = ?').run(old, 'e0');
  deps.db.prepare('UPDATE events SET exported_at = ? WHERE id = ?').run(Date.now(), 'e1');
  deps.db.prepare('INSERT INTO inbound (sid, at) VALUES (?, ?), (?, ?)').run('old', old, 'new', Date.now());
  prune(deps);
  expect(deps.db.prepare('SELECT id FROM events ORDER BY id').all()).toMatchObject([{ id: 'e1' }, { id: 'e2' }]);
  expect(deps.db.prepare('SELECT sid FROM inbound').all()).toMatchObject([{ sid: 'new' }]);
});
