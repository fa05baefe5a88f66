import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { runCli } from './cli/program.ts';
import { readSecretFile, withSecretFiles } from './secret-file.ts';

const dir = mkdtempSync(join(tmpdir(), 'client-cost-secret-'));
afterAll(() => rmSync(dir, { recursive: true }));
const file = (text: string): string => {
  writeFileSync(join(dir, 'secret'), text);
  return join(dir, 'secret');
};

it('a secret without its line break; what is none is told by name and path alone', () => {
  expect(readSecretFile('X_FILE', file('p w\r\n'))).toBe('p w');
  for (const [text, why] of [
    ['\n', 'is empty'],
    ['topsecret\nmore', 'has several lines'],
  ] as const) {
    expect(() => readSecretFile('X_FILE', file(text))).toThrow(`X_FILE ${join(dir, 'secret')} ${why}`);
    expect(() => readSecretFile('X_FILE', file(text))).not.toThrow('topsecret');
  }
  expect(() => readSecretFile('X_FILE', dir)).toThrow(/X_FILE .*EISDIR/);
});

it('is read when it is asked for, never before, and is in nobody’s copy of the environment', () => {
  const given = { A_FILE: file('a'), B: 'b', B_FILE: '/none', C_FILE: '/none' };
  const env = withSecretFiles(given, ['A', 'B', 'C'], (message) => new RangeError(message));
  expect([env.A, env.B]).toEqual(['a', 'b']);
  expect({ ...env }).toEqual(given);
  expect(() => env.C).toThrow(RangeError);
});

it('client-cost: keys of providers from files', async () => {
  let err = '';
  const run = (env: NodeJS.ProcessEnv, ...argv: string[]) => {
    err = '';
    const stderr = (text: string) => {
      err += text;
    };
    return runCli(argv, { stdout: () => {}, stderr, env, tty: false, now: () => new Date() });
  };
  const settle = ['settle', 'stripe', '--since', '2026-02-01', '--state-dir', dir];
  expect(await run({ STRIPE_API_KEY_FILE: '/none/key' }, ...settle)).toBe(2);
  expect(err).toContain('STRIPE_API_KEY_FILE /none/key: ENOENT');
  // With the key the next thing in its way is that no ClickHouse is there.
  expect(await run({ STRIPE_API_KEY_FILE: file('sk_test_x'), CLICKHOUSE_URL: 'http://127.0.0.1:9' }, ...settle)).toBe(
    3,
  );
  expect(err).not.toContain('sk_test_x');
  expect(await run({ STRIPE_API_KEY_FILE: '/none/key' }, 'prices', '--model', 'gpt-4o')).toBe(0);
});
