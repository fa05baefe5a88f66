import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { eventually } from '../../../test/support/stack.ts';

const MAIN = join(import.meta.dirname, 'main.ts');
const folder = mkdtempSync(join(tmpdir(), 'client-cost-sms-main-'));
const ENV = {
  CLIENT_COST_SMS_PORT: '0',
  CLIENT_COST_SMS_DATABASE: join(folder, 'outbox.db'),
  CLIENT_COST_ALERT_WEBHOOK_SECRET: 'w'.repeat(24),
  CLIENT_COST_ON_CALL: 'ada=+16047771234',
  TWILIO_ACCOUNT_SID: `AC${'a'.repeat(32)}`,
  TWILIO_AUTH_TOKEN: 'b'.repeat(32),
  TWILIO_PHONE_NUMBER: '+16047770000',
};

const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(args: string[], env: Record<string, string> = ENV) {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { PATH: process.env.PATH ?? '', ...env } });
  running.push(child);
  const said = { out: '', err: '' };
  child.stdout.on('data', (part) => {
    said.out += String(part);
  });
  child.stderr.on('data', (part) => {
    said.err += String(part);
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, ...said }));
  return { child, said, ended };
}

test('--check-config says who is on call by name, and what is wrong, all of it, with exit code 2', async () => {
  const good = await run(['--check-config']).ended;
  expect(good).toMatchObject({ code: 0, err: '' });
  expect(good.out).toMatch(/on call: ada\n.*The settings are good\.\n$/s);
  expect(good.out).not.toContain('7771234');
  const bad = await run(['--check-config'], { CLIENT_COST_SMS_PORT: 'x' }).ended;
  expect([bad.code, bad.out]).toEqual([2, '']);
  expect(bad.err.match(/^ {2}- /gm)).toHaveLength(6);
  expect((await run(['--chek']).ended).code).toBe(2);
});

test('says where it listens, and ends by SIGTERM with 0, its outbox closed', async () => {
  const { child, said, ended } = run([]);
  const url = await eventually('it listens', async () => /"url":"(http:[^"]+)"/.exec(said.out)?.[1], 15);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  child.kill('SIGTERM');
  const { code, out } = await ended;
  expect(code).toBe(0);
  expect(out).toMatch(/"msg":"Ended"/);
  expect(out).not.toContain('7771234');
});

test('a port that is taken: exit code 1 and the way out', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  const { code, err } = await run([], { ...ENV, CLIENT_COST_SMS_PORT: String(port) }).ended;
  expect([code, err]).toEqual([1, expect.stringMatching(/is taken: is the service running already\?/)]);
  await new Promise((resolve) => other.close(resolve));
});
