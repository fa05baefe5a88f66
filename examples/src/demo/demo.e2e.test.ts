import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const MAIN = join(import.meta.dirname, '../../dist/demo/main.js');
let temp: string;

beforeEach(() => {
  temp = mkdtempSync(join(tmpdir(), 'client-cost-demo-test-'));
});
afterEach(() => rmSync(temp, { recursive: true, force: true }));

function start(args: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: temp },
  });
  const seen = { out: '', err: '' };
  child.stdout.on('data', (part) => {
    seen.out += part;
  });
  child.stderr.on('data', (part) => {
    seen.err += part;
  });
  return { child, seen };
}

const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 100));
};

it('prints the clients, checks their bills, ends and leaves nothing behind', async () => {
  const { child, seen } = start([]);
  const [code] = await once(child, 'close');
  expect(code, seen.out + seen.err).toBe(0);
  expect(seen.out).toMatch(/Northside Plumbing \(northside-plumbing\) +\$0\.\d{3,} .*%/);
  expect(seen.out).toMatch(/Harbour Auto Repair .*–$/m);
  expect(seen.out).toMatch(/Projected total +\$/);
  expect(seen.out).toContain('the bills are exact');
  expect(seen.out).toMatch(/^critical +Northside Plumbing .*Monthly usage has exceeded \$15\.00$/m);
  expect(seen.out).toMatch(
    /SMS to the person on call: ⚠️ .*Northside Plumbing: Monthly usage has exceeded \$15\.00.*Reply \d{4}/,
  );
  expect(seen.out).toMatch(/ada answers "ack \d{4}" and gets: Acknowledged/);
  expect(seen.out).toMatch(/^critical +Northside Plumbing .*\bdelivered .*\bby ada \(sms\)/m);
  expect(seen.out).toContain('the bills are still exact');
  expect(seen.out).not.toContain('≠');
  expect(readdirSync(temp)).toEqual([]);
});

it('stays up with --keep, serves on, and ends cleanly on SIGINT', async () => {
  const { child, seen } = start(['--keep']);
  const ended = once(child, 'close');
  await until(() => seen.out.includes('Everything stays up') || child.exitCode !== null);
  const service = /service +(http:\S+)/.exec(seen.out)?.[1];
  expect((await fetch(`${service}/healthz`)).status, seen.out + seen.err).toBe(200);
  child.kill('SIGINT');
  expect((await ended)[0]).toBe(0);
  expect(readdirSync(temp)).toEqual([]);
  await expect(fetch(`${service}/healthz`)).rejects.toThrow();
});

it('cleans up when it is interrupted half-way', async () => {
  const { child, seen } = start([]);
  const ended = once(child, 'close');
  await until(() => seen.out.includes('the example service runs') || child.exitCode !== null);
  child.kill('SIGINT');
  expect((await ended)[0], seen.out + seen.err).toBe(130);
  expect(readdirSync(temp)).toEqual([]);
});

it('refuses an unknown option with its help', async () => {
  const { child, seen } = start(['--nope']);
  expect((await once(child, 'close'))[0]).toBe(2);
  expect(seen.err).toMatch(/--nope[\s\S]*--keep/);
});
