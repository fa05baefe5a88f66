import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type EngineProcess,
  loadPasswords,
  type RunningCollector,
  startCollector,
  startEngineProcess,
  startStack,
} from '../../clickhouse/dist/stack/index.js';
import { logsRequest, usageRecord, usageRequest } from '../support/otlp.ts';
import { collector, eventually, queryRows, sendOtlp, skipWithoutCollector } from '../support/stack.ts';

const config = join(import.meta.dirname, '..', '..', 'otel-collector.yaml');

describe.skipIf(skipWithoutCollector)('nothing acknowledged is lost', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'client-cost-faults-'));
  const passwords = loadPasswords(dataDir);
  let engine: EngineProcess;
  const collectors: RunningCollector[] = [];

  const engineOptions = (port: number) => ({ dataDir: join(dataDir, 'clickhouse'), port, passwords });
  const clickhouse = (password = passwords.client_cost) => ({
    url: engine.url,
    user: 'client_cost',
    password,
    database: 'client_cost',
  });
  /** A Collector with the queue `queue`; waits are short so that the tests are. */
  const startOne = async (queue: string, password?: string) => {
    if (collector === undefined) throw new Error('There is no Collector: npm run collector:build');
    const running = await startCollector({
      path: collector.path,
      config,
      queueDir: join(dataDir, queue),
      clickhouse: clickhouse(password),
      otlpPort: 0,
      otlpGrpcPort: 0,
      env: { BATCH_FLUSH_TIMEOUT: '50ms', RETRY_MAX_INTERVAL: '1s' },
    });
    collectors.push(running);
    return running;
  };
  const counted = async (clientId: string) => {
    const sql = `SELECT count() AS requests, sum(cost) AS cost FROM usage_events_current WHERE client_id = '${clientId}'`;
    return (await queryRows<{ requests: number; cost: string }>(clickhouse(), sql))[0]!;
  };
  /** Waits for exactly `requests` events; more would be a failure of its own. */
  const arrived = async (clientId: string, requests: number) => {
    await eventually(`${requests} events of ${clientId}`, async () =>
      (await counted(clientId)).requests >= requests ? true : undefined,
    );
    expect((await counted(clientId)).requests).toBe(requests);
  };

  beforeAll(async () => {
    // The tables; the rest of the stack is put together by hand below.
    const stack = await startStack({ dataDir, collector: 'none' });
    await stack.stop();
    engine = await startEngineProcess(engineOptions(0));
  });
  afterAll(async () => {
    for (const running of collectors) await running.stop();
    await engine?.close();
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 3 });
  });

  it('when ClickHouse stops while events arrive, and comes back', async () => {
    const running = await startOne('queue-outage');
    const send = () => sendOtlp(running.httpUrl, 'logs', usageRequest('t-outage', 10));
    for (let i = 0; i < 5; i += 1) await send();
    const { port } = engine;
    const stopping = engine.close();
    for (let i = 0; i < 10; i += 1) await send();
    await stopping;
    for (let i = 0; i < 5; i += 1) await send();
    engine = await startEngineProcess(engineOptions(port));
    for (let i = 0; i < 5; i += 1) await send();
    await arrived('t-outage', 250);
    expect((await counted('t-outage')).cost).toBe('0.00675');
    await running.stop();
  });

  it('when the Collector is killed with a full queue while ClickHouse is away', async () => {
    const running = await startOne('queue-killed');
    const { port } = engine;
    await engine.close();
    for (let i = 0; i < 20; i += 1) await sendOtlp(running.httpUrl, 'logs', usageRequest('t-killed', 10));
    const first = running.pid();
    process.kill(first!, 'SIGKILL');
    // It is started again by itself; ClickHouse is still away, so its exporter cannot read the tables' columns.
    await eventually('the Collector runs again', async () => {
      const pid = running.pid();
      const healthy = (await fetch(running.healthUrl)).ok;
      return pid !== undefined && pid !== first && healthy ? true : undefined;
    });
    await sendOtlp(running.httpUrl, 'logs', usageRequest('t-killed', 10));
    engine = await startEngineProcess(engineOptions(port));
    await arrived('t-killed', 210);
    await running.stop();
  });

  it('when the ClickHouse password is wrong, until it is put right', async () => {
    const wrong = await startOne('queue-password', 'not-the-password');
    for (let i = 0; i < 3; i += 1) await sendOtlp(wrong.httpUrl, 'logs', usageRequest('t-password', 10));
    expect((await counted('t-password')).requests).toBe(0);
    await wrong.stop();
    const right = await startOne('queue-password');
    await arrived('t-password', 30);
    await right.stop();
  });

  it('when one batch holds events of more days than an insert may have partitions', async () => {
    const running = await startOne('queue-days');
    const day = 86_400_000;
    const records = Array.from({ length: 150 }, (_, i) => usageRecord('t-days', Date.now() - i * day));
    await sendOtlp(running.httpUrl, 'logs', logsRequest(records));
    await arrived('t-days', 150);
    await running.stop();
  });
});
