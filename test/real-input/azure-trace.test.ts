/**
 * The bill of one hour of real traffic, exact to the last digit: 19,366 calls through the openai package in a service loaded
 * with --require, over 64 clients, through the Collector into the engine; and the same after every export came twice.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@clickhouse/client';
import { findCollector, type Stack, startStack } from '@client-cost/clickhouse/stack';
import { createOpenAIStandIn, type OpenAIStandIn } from '@client-cost/examples/stand-ins';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { billsOf, hasTrace, pico, readTrace, TRACE_FILE, type TraceCall } from './rows.ts';
import { deliver, type Tee, teeBefore } from './tee.ts';

const CLIENTS = 64;
const TOTAL = 5_807_479_500_000n; // USD × 10^12
const require = createRequire(import.meta.url);

if (!hasTrace()) console.warn(`Skipped: the trace is not at ${TRACE_FILE} (see README, "Real input")`);

// In CI a missing Collector is a failure, elsewhere a skip that says so.
const build = join(import.meta.dirname, '../../collector');
const collector = findCollector(undefined, build) !== undefined || process.env.CI !== undefined;
if (!collector) console.warn('Skipped: there is no Collector here; "npm run collector:build" makes one (needs Go)');

describe.skipIf(!hasTrace() || !collector)('one hour of real traffic', () => {
  let dataDir: string;
  let stack: Stack;
  let standIn: OpenAIStandIn;
  let tee: Tee;
  let calls: TraceCall[];
  let expected: Map<string, bigint>;

  beforeAll(async () => {
    calls = readTrace(CLIENTS);
    expected = billsOf(calls);
    dataDir = mkdtempSync(join(tmpdir(), 'client-cost-trace-'));
    stack = await startStack({ dataDir, clickhousePort: 0, otlpPort: 0, collector: 'required' });
    tee = await teeBefore(stack.otlp!.httpUrl);
    standIn = await createOpenAIStandIn({ record: false });
  });

  afterAll(async () => {
    await standIn?.close();
    await stack?.stop();
    await tee?.close();
    if (dataDir) rmSync(dataDir, { recursive: true, force: true });
  });

  it('has the figures that the whole test stands on', () => {
    expect(calls).toHaveLength(19_366);
    expect(expected.size).toBe(CLIENTS);
    expect([...expected.values()].reduce((sum, amount) => sum + amount)).toBe(TOTAL);
  });

  it('bills every client exactly, through the service, the Collector and the engine', {
    timeout: 240_000,
  }, async () => {
    const service = await startService();
    expect(service.openai).toMatch(/^7\./);
    await replay(service.url, calls);
    await service.stop();
    expect(standIn.count).toBe(calls.length);
    await until(async () => (await count('usage_events_current')) >= calls.length, 60_000);
    expect(await count('usage_events_rejected')).toBe(0);
    await expectExactBills();
    const [sources] = await rows<{ sources: string[]; streams: string }>(
      'SELECT groupUniqArray(cost_source) AS sources FROM usage_events_current',
    );
    expect(sources?.sources).toEqual(['price_book']);
  });

  it('bills the same after every export was delivered a second time', { timeout: 120_000 }, async () => {
    const usage = tee.deliveries.filter(({ path }) => path.endsWith('/v1/logs'));
    expect(usage.length).toBeGreaterThan(10);
    const before = await count('otel_logs');
    // Backwards, so that the Collector cannot make the batches it made before.
    for (const delivery of [...usage].reverse())
      expect((await deliver(stack.otlp!.httpUrl, delivery)).status).toBe(200);
    await until(async () => (await count('otel_logs')) >= 2 * before, 60_000);
    await expectExactBills();
  });

  /** Ledger, days and months; the rollups as they are stored after a refresh, not only as they are read. */
  async function expectExactBills(): Promise<void> {
    const bills = async (from: string) => {
      const found = await rows<{ client: string; amount: string }>(
        `SELECT client_id AS client, toString(sum(cost)) AS amount FROM ${from} GROUP BY client`,
      );
      return new Map(found.map(({ client, amount }) => [client, pico(amount)] as const).sort());
    };
    const want = new Map([...expected].sort());
    expect(await bills('usage_events_current')).toEqual(want);
    expect(await bills('usage_daily_current')).toEqual(want);

    await rows('SYSTEM REFRESH VIEW usage_daily_refresh', true);
    await rows('SYSTEM WAIT VIEW usage_daily_refresh', true);
    const newest = '(SELECT day, max(refreshed_at) FROM usage_daily GROUP BY day)';
    const stored = `(SELECT * FROM usage_daily FINAL WHERE client_id != '' AND (day, refreshed_at) IN ${newest})`;
    expect(await bills(stored)).toEqual(want);

    const monthly = await rows<{ client: string; amount: string }>(
      'SELECT client_id AS client, toString(sum(total_cost)) AS amount FROM usage_monthly GROUP BY client',
    );
    expect(new Map(monthly.map(({ client, amount }) => [client, pico(amount)] as const).sort())).toEqual(want);
    const [total] = await rows<{ total: string }>('SELECT toString(sum(cost)) AS total FROM usage_events_current');
    expect(pico(total!.total)).toBe(TOTAL);
  }

  async function startService(): Promise<{ url: string; openai: string; stop(): Promise<void> }> {
    const register = require.resolve('@client-cost/instrumentation/register');
    const child: ChildProcess = spawn(
      process.execPath,
      ['--require', register, join(import.meta.dirname, 'service.cjs')],
      {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        env: {
          ...process.env,
          ...stack.env,
          OTEL_EXPORTER_OTLP_ENDPOINT: tee.url,
          OTEL_SERVICE_NAME: 'trace-replay',
          OPENAI_API_KEY: 'sk-trace',
          OPENAI_BASE_URL: standIn.url,
          CLIENT_COST_CLIENT_HEADER: 'x-client-id',
          CLIENT_COST_PROVIDER_HOSTS: `127.0.0.1:${standIn.port}=openai`,
          CLIENT_COST_SPOOL_DIR: join(dataDir, 'spool'),
        },
      },
    );
    const failed = once(child, 'exit').then(([code]) => Promise.reject(new Error(`The service ended with ${code}`)));
    failed.catch(() => {});
    const message = Promise.race([once(child, 'message'), failed]);
    const [ready] = (await message) as [{ port: number; openai: string }];
    return {
      url: `http://127.0.0.1:${ready.port}`,
      openai: ready.openai,
      async stop() {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        expect(await ended).toEqual([0, null]);
      },
    };
  }

  async function count(table: string): Promise<number> {
    const [row] = await rows<{ n: string }>(`SELECT count() AS n FROM ${table}`);
    return Number(row?.n);
  }

  async function rows<T>(query: string, command = false): Promise<T[]> {
    const { url, user: username, password, database } = stack.clickhouse;
    const client = createClient({ url, username, password, database });
    try {
      if (command) {
        await client.command({ query });
        return [];
      }
      return await (await client.query({ query, format: 'JSONEachRow' })).json<T>();
    } finally {
      await client.close();
    }
  }
});

async function replay(url: string, calls: readonly TraceCall[]): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let call = calls[next++]; call !== undefined; call = calls[next++]) {
      const { client, shape, input, output } = call;
      const target = `${url}/?shape=${shape}&input=${input}&output=${output}`;
      const response = await fetch(target, { method: 'POST', headers: { 'x-client-id': client } });
      const text = await response.text();
      if (!response.ok) throw new Error(`The service answered ${response.status}: ${text}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

/** Waits until `done` holds; the assertion after it says what is missing. */
async function until(done: () => Promise<boolean>, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline && !(await done())) await sleep(250);
}
