import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SHAPES } from './testing/shapes.mts';

interface Run {
  readonly watched: boolean;
  readonly results: Record<string, unknown>;
  readonly counts: Record<string, number>;
}

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const spool = mkdtempSync(join(tmpdir(), 'client-cost-stripe-'));
afterAll(() => rmSync(spool, { recursive: true, force: true }));

/** The shapes in a process of their own; `--conditions=worker` loads the package's build for other platforms. */
async function run(format: 'cjs' | 'esm', flags: readonly string[], ...only: string[]): Promise<Run> {
  const args = [...flags, '--no-warnings', at('testing/child.mts'), at('testing/entry.mts'), format, ...only];
  const env = { ...process.env, CLIENT_COST_SPOOL_DIR: spool, OTEL_SDK_DISABLED: 'true' };
  const options = { env, timeout: 60_000, maxBuffer: 64 * 1024 * 1024 };
  const { stdout } = await promisify(execFile)(process.execPath, args, options);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Run;
}

/** Usage events of a shape, where it is not one. */
const COUNTS: Record<string, number> = {
  'confirm, capture, retrieve': 1,
  // Failures of money's calls are usage that costs nothing.
  'idempotent replay': 2,
  'unknown object': 0,
  'for await': 5,
  'autoPagingEach, left early': 5,
  'a list': 2,
  'request and response events': 2,
  'a stream': 0,
  refunds: 2,
  // Closed as lost it costs what countering it did.
  disputes: 2,
  together: 3,
  'nobody catches': 2,
  'turns between the answer and its reader': 2,
  'the package itself': 0,
  'a forged webhook that nobody catches': 0,
};

describe.each([['cjs'], ['esm']] as const)('%s', (format) => {
  let bare: Run;
  let watched: Run;
  beforeAll(async () => {
    const register = ['--require', at('../../dist/register.js')];
    [bare, watched] = await Promise.all([run(format, []), run(format, register)]);
  }, 120_000);

  test('one run without, one with it', () => {
    expect([bare.watched, watched.watched]).toEqual([false, true]);
  });

  test.each(Object.keys(SHAPES))('%s', (name) => {
    expect(watched.results[name]).toEqual(bare.results[name]);
    expect(watched.counts[name], 'events').toBe(COUNTS[name] ?? 1);
  });

  test('the script saw no missing parts', () => {
    const missing = Object.entries(bare.results).filter(([, result]) =>
      JSON.stringify(result).includes('is not a function'),
    );
    expect(missing.map(([name]) => name)).toEqual([]);
  });
});

test.each([['cjs'], ['esm']] as const)(
  'the build for other platforms, %s',
  async (format) => {
    const flags = ['--conditions', 'worker', '--require', at('../../dist/register.js')];
    const watched = await run(format, flags, 'create and confirm', 'webhook');
    expect(watched.counts['create and confirm']).toBe(1);
    expect(watched.counts.webhook).toBe(1);
  },
  60_000,
);
