import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SHAPES } from './testing/shapes.mts';

interface Run {
  readonly results: Record<string, unknown>;
  readonly counts: Record<string, number>;
  readonly started: number;
  readonly ended: number;
}

const run = promisify(execFile);
const child = join(__dirname, 'testing', 'child.mts');
const register = join(__dirname, '..', '..', 'dist', 'register.js');
const folder = mkdtempSync(join(tmpdir(), 'client-cost-twilio-'));

/** How many events the shapes make; every other one makes one. */
const COUNTS: Record<string, number> = {
  'create without params': 0,
  'many at once': 20,
  'scheduled and cancelled': 2,
  'fetch, update, remove': 2,
  list: 5,
  each: 5,
  page: 3,
  'a call and its recording': 6,
  numbers: 6,
  'HTTP clients that answer oddly': 14,
  'the answer is the same object': 2,
  'request without method or URI': 1,
  'nobody catches': 5,
  'the caller’s own context': 2,
  'the package': 0,
  'webhooks and TwiML': 0,
};

beforeAll(() => {
  mkdirSync(join(folder, 'node_modules'));
  const installed = dirname(createRequire(__filename).resolve('twilio/package.json'));
  symlinkSync(installed, join(folder, 'node_modules', 'twilio'));
  writeFileSync(join(folder, 'package.json'), '{}');
  writeFileSync(join(folder, 'entry.mjs'), "export * from 'twilio';\nexport { default } from 'twilio';\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(['cjs', 'esm'])('%s', (format) => {
  let bare: Run;
  let watched: Run;

  beforeAll(async () => {
    const start = async (mode: string): Promise<Run> => {
      const hooks = mode === 'bare' ? [] : ['--require', register];
      const { stdout } = await run(process.execPath, ['--no-warnings', ...hooks, child, folder, format, mode], {
        maxBuffer: 64 * 1024 * 1024,
        timeout: 100_000,
        env: { ...process.env, CLIENT_COST_SPOOL_DIR: join(folder, 'spool') },
      });
      return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Run;
    };
    bare = await start('bare');
    watched = await start('watched');
  }, 200_000);

  test.each(Object.keys(SHAPES))('%s', (name) => {
    expect(watched.results[name]).toEqual(bare.results[name]);
    expect(watched.counts[name], 'events').toBe(COUNTS[name] ?? 1);
    expect(bare.counts[name]).toBe(0);
  });

  test('every call ends, and the script saw no missing parts', () => {
    expect(watched.ended).toBe(watched.started);
    const missing = Object.entries(bare.results).filter(([, result]) => JSON.stringify(result).includes('"shape":'));
    expect(missing).toEqual([]);
  });
});
