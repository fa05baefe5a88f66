import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';

// With the built package, as register.test.ts.
const INDEX = JSON.stringify(join(__dirname, '..', 'dist', 'index.js'));
const APP = `require(${INDEX}).recordUsage({ service: 'fax', operation: 'send', cost: '0.21' }); console.log('hi')`;
const folder = mkdtempSync(join(tmpdir(), 'client-cost-exit-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('CLIENT_COST_EXIT_TIMEOUT_MS=0: the end of the process waits for nothing', async () => {
  const env = {
    PATH: process.env.PATH,
    CLIENT_COST_EXIT_TIMEOUT_MS: '0',
    CLIENT_COST_SPOOL_DIR: folder,
    // Nobody listens there: what waits, waits for the next start.
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
  };
  const register = join(__dirname, '..', 'dist', 'register.js');
  const begin = Date.now();
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--require', register, '-e', APP], { env });
  expect(stdout).toBe('hi\n');
  expect(stderr).not.toContain('timeoutMillis');
  expect(Date.now() - begin).toBeLessThan(20_000);
}, 60_000);
