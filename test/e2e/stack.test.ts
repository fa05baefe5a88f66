import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { startStack } from '../../clickhouse/dist/stack/index.js';
import { usageRequest } from '../support/otlp.ts';
import {
  collectorMetric,
  drained,
  eventually,
  queryRows,
  skipWithoutCollector,
  startTestStack,
} from '../support/stack.ts';

const folders: string[] = [];
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'client-cost-stack-'));
  folders.push(path);
  return path;
}
afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true, maxRetries: 3 });
});

/** Running, and not merely waiting to be reaped. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function gone(pids: (number | undefined)[]): Promise<void> {
  expect(pids.every((pid) => pid !== undefined)).toBe(true);
  await eventually(`processes ${pids} have ended`, async () =>
    pids.some((pid) => isRunning(pid!)) ? undefined : true,
  );
}

describe('the stack without a Collector', () => {
  it('says so, tells services to write to ClickHouse, and keeps data and passwords over a restart', async () => {
    const dataDir = folder();
    const said: string[] = [];
    const first = await startStack({ dataDir, collector: 'none', log: (line) => said.push(line) });
    expect(first.mode).toBe('direct');
    expect(first.otlp).toBeUndefined();
    expect(first.env).toMatchObject({
      CLIENT_COST_EXPORTER: 'clickhouse',
      CLIENT_COST_CLICKHOUSE_URL: first.clickhouse.url,
      // Who may insert telemetry and nothing else.
      CLIENT_COST_CLICKHOUSE_USER: 'client_cost_writer',
      CLIENT_COST_CLICKHOUSE_PASSWORD: first.writer.password,
    });
    expect(said.join('\n')).toContain('services write to ClickHouse directly');
    expect(statSync(join(dataDir, 'passwords.json')).mode & 0o777).toBe(0o600);
    expect(first.clickhouse.password).toMatch(/^p\w{32}$/);
    await queryRows(first.clickhouse, "INSERT INTO clients (id, name) VALUES ('t-kept', 'Kept')");

    await expect(startStack({ dataDir, collector: 'none' })).rejects.toThrow(
      /data directory .* is in use by process \d+/,
    );
    const pids = first.pids();
    await first.stop();
    await gone([pids.engine]);

    const second = await startStack({ dataDir, collector: 'none' });
    expect(second.clickhouse.password).toBe(first.clickhouse.password);
    expect(await queryRows(second.clickhouse, "SELECT name FROM clients_current WHERE id = 't-kept'")).toEqual([
      { name: 'Kept' },
    ]);
    await expect(queryRows({ ...second.clickhouse, password: 'wrong' }, 'SELECT 1')).rejects.toThrow(
      /516|Authentication/,
    );
    await expect(queryRows(second.reader, 'DROP TABLE clients')).rejects.toThrow(/ClickHouse answered/);
    await second.stop();
  });

  it('names a busy port and the way out, and leaves nothing running', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await expect(startStack({ dataDir: folder(), collector: 'none', clickhousePort: port })).rejects.toThrow(
      `Port ${port} for ClickHouse over HTTP is in use by another program. Choose another with --clickhouse-port`,
    );
    server.close();
  });

  it('a Collector that was named but is not there is an error, never silently replaced', async () => {
    const options = { dataDir: folder(), collectorPath: '/nowhere/otelcol' };
    await expect(startStack({ ...options, collector: 'auto' })).rejects.toThrow(/cannot be run: \/nowhere\/otelcol/);
  });
});

describe.skipIf(skipWithoutCollector)('the stack with the real Collector', () => {
  it('reports health and its own metrics, and ends in order', async () => {
    const test = await startTestStack({ collectorEnv: { COLLECTOR_METRICS_INTERVAL_MS: '300' } });
    const { otlp, env, mode } = test.stack;
    expect(mode).toBe('collector');
    expect(env).toMatchObject({ CLIENT_COST_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: otlp!.httpUrl });
    expect(JSON.stringify(env)).not.toContain(test.stack.clickhouse.password);
    expect((await fetch(otlp!.healthUrl)).status).toBe(200);
    expect(await collectorMetric(otlp!.metricsUrl, 'otelcol_exporter_queue_capacity')).toBeGreaterThan(1_000_000);
    // The same metrics reach ClickHouse, by way of the Collector's own receiver.
    await eventually("the Collector's own metrics in ClickHouse", async () => {
      const sql = `SELECT max(Value) AS value FROM otel_metrics_gauge
        WHERE MetricName = 'otelcol_exporter_queue_capacity' AND Attributes['exporter'] = 'clickhouse/usage'`;
      return (await test.query<{ value: number }>(sql))[0]?.value === 5_000_000 ? true : undefined;
    });
    const { engine, collector } = test.stack.pids();
    await test.stop();
    await gone([engine, collector]);
  });

  it('with OTLP_RECEIVER=otlp/token it takes data only from who shows the token', async () => {
    const test = await startTestStack({
      collectorEnv: { OTLP_RECEIVER: 'otlp/token', OTLP_TOKEN: 'secret-token', BATCH_FLUSH_TIMEOUT: '50ms' },
    });
    const status = async (authorization?: string) => {
      const headers = { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) };
      const body = JSON.stringify(usageRequest('t-token', 1));
      return (await fetch(`${test.stack.otlp!.httpUrl}/v1/logs`, { method: 'POST', headers, body })).status;
    };
    expect(await status()).toBe(401);
    expect(await status('Bearer other')).toBe(401);
    expect(await status('Bearer ')).toBe(401);
    expect(await status('Bearer secret-token')).toBe(200);
    await drained(test.stack.otlp!.metricsUrl);
    expect(await test.query("SELECT count() AS n FROM usage_events WHERE client_id = 't-token'")).toEqual([{ n: 1 }]);
    await test.stop();
  });

  it('otlp/token without a token refuses everybody', async () => {
    const test = await startTestStack({ collectorEnv: { OTLP_RECEIVER: 'otlp/token' } });
    for (const authorization of ['Bearer', 'Bearer ', 'Bearer none']) {
      const headers = { 'content-type': 'application/json', authorization };
      const body = JSON.stringify(usageRequest('t-token', 1));
      const response = await fetch(`${test.stack.otlp!.httpUrl}/v1/logs`, { method: 'POST', headers, body });
      expect(response.status, authorization).toBe(401);
    }
    await test.stop();
  });

  it('leaves nothing running when the process that started it is killed', async () => {
    const script = join(import.meta.dirname, '..', 'support', 'crashing-parent.mjs');
    const parent = spawn(process.execPath, [script, folder(), 'required'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const line = await new Promise<string>((resolve, reject) => {
      parent.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()));
      parent.once('exit', (code) => reject(new Error(`the parent ended with ${code}`)));
    });
    const { engine, collector } = JSON.parse(line) as { engine: number; collector: number };
    expect([engine, collector].map(isRunning)).toEqual([true, true]);
    parent.kill('SIGKILL');
    await gone([engine, collector]);
  });
});
