import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Lab } from '../testing/child.ts';
import { arrivedAt, eventIds as ids, Sink } from '../testing/sink.ts';
import { parseTime } from './time.ts';

const BIN = join(__dirname, '../../bin/client-cost-spool.cjs');
let lab: Lab;
let sink: Sink;

beforeEach(async () => {
  lab = new Lab();
  sink = await Sink.start();
});

afterEach(async () => {
  await sink.stop();
  lab.remove();
});

const arrived = () => arrivedAt(sink);

/** The command as a user runs it. */
function spool(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd: lab.dir,
    env: {
      PATH: process.env.PATH,
      HOME: lab.dir,
      CLIENT_COST_OTLP_ENDPOINT: sink.url,
      CLIENT_COST_SPOOL_DIR: lab.spool,
    },
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}

const status = async () => JSON.parse((await spool('status', '--json')).out)[0];
const killed = `process.kill(process.pid, 'SIGKILL');`;

test('status tells what waits and whose it is; send delivers what the dead left and nothing of the living', async () => {
  sink.behaviour = () => ({ status: 503 });
  await lab.run(sink.url, `send(0, 30); ${killed}`);
  let tell = () => {};
  const ready = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const living = lab.run(
    sink.url,
    `send(30, 40); console.log('ready'); process.on('SIGUSR2', () => process.exit(0)); setInterval(() => {}, 1000);`,
    { onLine: () => tell(), env: { CLIENT_COST_EXIT_TIMEOUT_MS: '0', CLIENT_COST_FLUSH_INTERVAL_MS: '600000' } },
  );
  await ready;
  const before = await status();
  const owners = before.folders.map(({ owner, events }: { owner: string; events: number }) => `${owner} ${events}`);
  expect(owners.sort()).toEqual(['alive 10', 'dead 30']);
  expect(before.folders[0].oldest).toMatch(/^\d{4}-\d\d-\d\dT/);
  expect((await spool('status')).out).toMatch(/waiting {3}40 events.*process \d+ dead: 30 events, .*oldest 20/s);

  const failed = await spool('send', '--timeout', '1');
  expect(failed).toMatchObject({ code: 1, out: expect.stringContaining('0 sent, 0 refused; NOT ALL') });
  expect(failed.err).toContain('answered 503');
  expect((await status()).folders.find(({ events }: { events: number }) => events === 30).owner).toBe('left');

  sink.behaviour = () => undefined;
  expect(await spool('send')).toMatchObject({ code: 0, out: `${lab.spool}: 30 sent, 0 refused\n` });
  expect(arrived()).toEqual(ids(0, 30));
  const after = await status();
  expect(after.folders).toMatchObject([{ owner: 'alive', events: 10 }]);
  process.kill(after.folders[0].pid, 'SIGUSR2');
  await living;
  expect(await spool('send')).toMatchObject({ code: 0 });
  expect(arrived()).toEqual(ids(0, 40));
});

test('resend gives back what a destination lost: of the living, of the dead, small files and large ones', async () => {
  const begun = new Date().toISOString();
  await lab.run(sink.url, 'send(0, 20);');
  await lab.run(sink.url, `send(20, 5000); exporter.flush().then(() => { send(5000, 5010); ${killed} });`);
  expect((await spool('send')).code).toBe(0);
  let tell = () => {};
  const ready = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const living = lab.run(
    sink.url,
    `send(5010, 5030); exporter.flush().then(() => console.log('ready')); process.on('SIGUSR2', () => process.exit(0)); setInterval(() => {}, 1000);`,
    { onLine: () => tell() },
  );
  await ready;
  const all = ids(0, 5030);
  expect(arrived()).toEqual(all);

  sink.accepted.length = 0;
  const late = await spool('resend', '--since', '2026-01-01', '--until', begun);
  expect(late).toMatchObject({ code: 0, out: `${lab.spool}: 0 sent, 0 refused\n` });
  const again = await spool('resend', '--since', begun);
  expect(again).toMatchObject({ code: 0, out: `${lab.spool}: 5030 sent, 0 refused\n` });
  expect(arrived()).toEqual(all);
  expect(sink.accepted[0]).toMatchObject({ scope: { version: '1.2.3' } });
  const found = await status();
  expect(found.sent.bytes).toBeGreaterThan(1_000_000);
  process.kill(found.folders.find(({ owner }: { owner: string }) => owner === 'alive').pid, 'SIGUSR2');
  await living;
});

test('what is kept ends with its age and size, and 0 keeps nothing', async () => {
  for (const env of [{ CLIENT_COST_SPOOL_KEEP_HOURS: '0' }, { CLIENT_COST_SPOOL_KEEP_BYTES: '0' }]) {
    await lab.run(sink.url, 'send(0, 1000);', { env });
    expect(existsSync(join(lab.spool, 'sent'))).toBe(false);
  }
  await lab.run(sink.url, 'send(1000, 3000);');
  const sent = join(lab.spool, 'sent');
  const [kept] = readdirSync(sent).filter((name) => name.endsWith('.seg'));
  const old = String(Date.now() - 25 * 3_600_000).padStart(15, '0');
  renameSync(join(sent, kept!), join(sent, `${old}-w.seg`));
  await lab.run(sink.url, 'send(3000, 5000);');
  await lab.run(sink.url, 'send(5000, 5001);');
  expect(readdirSync(sent).filter((name) => name.endsWith('.seg'))).toHaveLength(2);
  await lab.run(sink.url, 'send(5001, 5002);', { env: { CLIENT_COST_SPOOL_KEEP_BYTES: '5000' } });
  expect((await status()).sent.bytes).toBeLessThan(5000);
});

test('retry-rejected sends what was refused again, keeps what is refused again, once, and loses no line', async () => {
  sink.behaviour = ({ empty }) => (empty ? undefined : { status: 400, body: 'no' });
  await lab.run(sink.url, 'send(0, 9);');
  const path = join(lab.spool, 'rejected.jsonl');
  const text = readFileSync(path, 'utf8');
  expect(text.trim().split('\n')).toHaveLength(9);
  writeFileSync(path, `${text}${text}not json\n`);
  expect((await status()).rejected.events).toBe(19);

  sink.behaviour = ({ ids: sent }) => (sent?.includes('e4') ? { status: 400, body: 'still no' } : undefined);
  const retried = await spool('retry-rejected');
  expect(retried).toMatchObject({ code: 1, out: `${lab.spool}: 8 sent, 1 refused (rejected.jsonl)\n` });
  const left = readFileSync(path, 'utf8').trim().split('\n');
  expect(left).toHaveLength(2);
  expect(left).toContain('not json');
  expect(left.join()).toContain('still no');

  sink.behaviour = () => ({ status: 503 });
  expect(await spool('retry-rejected', '--timeout', '1')).toMatchObject({ code: 1 });
  expect((await status()).rejected.events).toBeGreaterThanOrEqual(2);
  sink.behaviour = () => undefined;
  expect(await spool('retry-rejected')).toMatchObject({ code: 0 });
  expect(arrived()).toEqual(ids(0, 9));
});

test('what is refused again and cannot be kept stays where it was, and the command says so', async () => {
  sink.behaviour = ({ empty }) => (empty ? undefined : { status: 400, body: 'no' });
  await lab.run(sink.url, 'send(0, 3);');
  const path = join(lab.spool, 'rejected.jsonl');
  const taken = join(lab.spool, 'rejected-1-1.retrying');
  renameSync(path, taken);
  symlinkSync('nowhere/at/all', path);
  const before = readFileSync(taken, 'utf8');
  const retried = await spool('retry-rejected');
  expect(retried).toMatchObject({ code: 1, out: expect.stringContaining('NOT ALL') });
  expect(retried.err).toMatch(/cannot be kept \(ENOENT.*it stays where it is/);
  expect(readFileSync(taken, 'utf8')).toBe(before);

  sink.behaviour = () => ({ status: 503 });
  await lab.run(sink.url, `send(3, 6); ${killed}`);
  sink.behaviour = ({ empty }) => (empty ? undefined : { status: 400, body: 'no' });
  expect(await spool('send')).toMatchObject({ code: 1, out: expect.stringContaining('NOT ALL') });
  sink.behaviour = () => undefined;
  expect(await spool('send')).toMatchObject({ code: 0 });
  expect(await spool('retry-rejected')).toMatchObject({ code: 0 });
  expect(arrived()).toEqual(ids(0, 6));
});

test('a command line that cannot be understood is 2, a folder that is not there 1, help 0', async () => {
  for (const args of [
    [],
    ['fly'],
    ['resend'],
    ['resend', '--since', 'yesterday'],
    ['status', '--what'],
    ['send', 'x'],
  ]) {
    mkdirSync(lab.spool, { recursive: true });
    const ended = await spool(...args);
    expect([args, ended.code, ended.err.includes('retry-rejected')]).toEqual([args, 2, true]);
  }
  expect(await spool('status', '--dir', '/nowhere/at/all')).toMatchObject({ code: 1, out: '' });
  expect(await spool('--help')).toMatchObject({ code: 0, err: '' });
});

test('times', () => {
  const now = Date.UTC(2026, 10, 23);
  expect(parseTime('2h', now)).toBe(now - 7_200_000);
  expect(parseTime('2026-11-23', now)).toBe(now);
  expect(parseTime('2026-11-23T00:00', now)).toBe(now);
  expect(parseTime('2026-11-23T01:00+01:00', now)).toBe(now);
  for (const text of ['', 'now', '2026-13-01', '24', '2026-11-23T00:00 CET']) expect(() => parseTime(text)).toThrow();
});
