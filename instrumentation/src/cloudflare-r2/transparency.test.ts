import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { R2StandIn } from '../../../examples/src/stand-ins/r2/index.ts';
import { OtlpSink } from '../testing/sink.ts';
import { SHAPES } from './testing/shapes.mts';
import { startR2 } from './testing/stand-in.mts';

// The same script as a process of its own, with and without the built package in front (`npm test` builds it).

type Results = Record<string, unknown>;

const REGISTER = join(__dirname, '..', '..', 'dist', 'register.js');
const CHILD = join(__dirname, 'testing', 'child.mts');
const FOLDER = join(__dirname, '..', '..');
const sink = new OtlpSink();
const spool = mkdtempSync(join(tmpdir(), 'client-cost-r2-'));
let endpoint: string;

beforeAll(async () => {
  endpoint = await sink.start();
});
afterAll(() => {
  sink.stop();
  rmSync(spool, { recursive: true, force: true });
});

async function run(format: string, watched: boolean): Promise<{ results: Results; stand: R2StandIn }> {
  const stand = await startR2();
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(OTEL_|CLIENT_COST_|NODE_OPTIONS|VITEST)/.test(name),
  );
  const env = {
    ...Object.fromEntries(inherited),
    CLIENT_COST_PROVIDER_HOSTS: '127.0.0.1=cloudflare_r2',
    CLIENT_COST_SPOOL_DIR: spool,
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  };
  const args = [...(watched ? ['--require', REGISTER] : []), CHILD, FOLDER, format, stand.url];
  const child = spawn(process.execPath, args, { env });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  await stand.close();
  if (code !== 0) throw new Error(`the child ended with ${code}: ${err}`);
  return { results: JSON.parse(out) as Results, stand };
}

describe.each(['cjs', 'esm'])('%s', (format) => {
  let bare: Results;
  let watched: Results;
  let seen: R2StandIn;

  beforeAll(async () => {
    bare = (await run(format, false)).results;
    sink.clear();
    ({ results: watched, stand: seen } = await run(format, true));
  }, 120_000);

  test.each(Object.keys(SHAPES))('%s', (name) => {
    expect(bare[name], 'the script itself').toBeDefined();
    expect(watched[name]).toEqual(bare[name]);
  });

  test('the script saw no missing parts', () => {
    const missing = Object.entries(bare).filter(([, result]) =>
      /is not a (function|constructor)/.test(JSON.stringify(result)),
    );
    expect(missing).toEqual([]);
  });

  test('what the provider counted is what was recorded', () => {
    const counted: Record<string, number> = {};
    for (const { operation, status, code } of seen.requests) {
      if (status < 200 || status >= 500 || status === 401 || status === 429) continue;
      if (status === 403 && code !== 'ObjectLockedByBucketPolicy') continue;
      counted[operation] = (counted[operation] ?? 0) + 1;
    }
    const recorded: Record<string, number> = {};
    for (const { attributes, eventName } of sink.logs) {
      if (
        eventName !== 'client_cost.usage' ||
        attributes['cost.source'] === 'unpriced' ||
        attributes['usage.unit'] === 'gb'
      )
        continue;
      const words = String(attributes['usage.operation']).split('_');
      const operation = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
      const quantity = Number(attributes['usage.quantity']);
      if (quantity > 0) recorded[operation] = (recorded[operation] ?? 0) + quantity;
    }
    expect(recorded).toEqual(counted);
    const amounts = sink.logs.filter(
      ({ attributes }) => attributes['usage.sku'] === 'class_a' && attributes['usage.quantity'] === '1',
    );
    expect(new Set(amounts.map(({ attributes }) => attributes['cost.amount']))).toEqual(new Set(['0.0000045']));
  });
});
