import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningCollector, startCollector } from '../../../clickhouse/dist/stack/index.js';
import { createUsageExporter } from '../../../exporter/dist/index.js';
import { type Accounts, startAccounts } from '../../support/accounts.ts';
import { usageRecord, usageRequest } from '../../support/otlp.ts';
import { collector, eventually, queryRows, sendOtlp, skipWithoutCollector } from '../../support/stack.ts';

// What arrives needs the writing user's rights and no others: through the real Collector, and without one.
const root = join(import.meta.dirname, '..', '..', '..');
const scratch = mkdtempSync(join(tmpdir(), 'client-cost-arriving-'));
let accounts: Accounts;
beforeAll(async () => {
  accounts = await startAccounts();
});
afterAll(async () => {
  await accounts?.close();
  rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
});

const rows = <T>(sql: string) => queryRows<T>(accounts.owner, sql);
const inLedger = (client: string, n: number) =>
  eventually(`${n} charges of ${client}`, async () => {
    const [row] = await rows<{ n: number }>(
      `SELECT count() AS n FROM usage_events_current WHERE client_id = '${client}'`,
    );
    return row?.n === n ? n : undefined;
  });

describe.skipIf(skipWithoutCollector)('the Collector as the writing user', () => {
  const said: string[] = [];
  let running: RunningCollector;
  beforeAll(async () => {
    running = await startCollector({
      path: collector!.path,
      config: join(root, 'otel-collector.yaml'),
      queueDir: join(scratch, 'queue'),
      clickhouse: accounts.writer,
      otlpPort: 0,
      otlpGrpcPort: 0,
      env: { BATCH_FLUSH_TIMEOUT: '50ms', RETRY_MAX_INTERVAL: '1s', COLLECTOR_METRICS_INTERVAL_MS: '1000' },
      log: (line) => said.push(line),
    });
  });
  afterAll(() => running?.stop());

  it('writes logs, spans and all kinds of metrics; every view behind them runs', async () => {
    const { httpUrl } = running;
    await sendOtlp(httpUrl, 'logs', usageRequest('acme', 3));
    // One that the ledger rejects, and a later report about a charge: other views.
    const bad = usageRecord('acme');
    const update = usageRecord('acme');
    const logRecords = [
      { ...bad, attributes: bad.attributes.filter(({ key }) => key !== 'usage.id') },
      {
        ...update,
        attributes: [
          ...update.attributes,
          { key: 'usage.update', value: { boolValue: true } },
          { key: 'usage.external_id', value: { stringValue: 'ext-1' } },
        ],
      },
    ];
    await sendOtlp(httpUrl, 'logs', {
      resourceLogs: [{ scopeLogs: [{ scope: { name: '@client-cost/instrumentation' }, logRecords }] }],
    });
    const time = `${Date.now()}000000`;
    const span = {
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      name: 's',
      kind: 3,
      startTimeUnixNano: time,
      endTimeUnixNano: time,
    };
    await sendOtlp(httpUrl, 'traces', { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
    const at = { timeUnixNano: time, startTimeUnixNano: time };
    const metrics = [
      { name: 'g', gauge: { dataPoints: [{ ...at, asDouble: 1 }] } },
      { name: 's', sum: { aggregationTemporality: 2, dataPoints: [{ ...at, asDouble: 1 }] } },
      { name: 'y', summary: { dataPoints: [{ ...at, count: '1', sum: 1 }] } },
      {
        name: 'h',
        histogram: {
          aggregationTemporality: 2,
          dataPoints: [{ ...at, count: '1', bucketCounts: ['1'], explicitBounds: [] }],
        },
      },
      {
        name: 'e',
        exponentialHistogram: {
          aggregationTemporality: 2,
          dataPoints: [{ ...at, count: '1', scale: 0, zeroCount: '1' }],
        },
      },
    ];
    await sendOtlp(httpUrl, 'metrics', { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] });
    await inLedger('acme', 3);
    const tables = [
      'otel_traces',
      'otel_traces_trace_id_ts',
      ...['gauge', 'sum', 'summary', 'histogram', 'exponential_histogram'].map((kind) => `otel_metrics_${kind}`),
      'usage_events_rejected',
      'usage_updates',
      'usage_daily',
    ];
    for (const table of tables) {
      await eventually(`rows in ${table}`, async () => {
        const [row] = await rows<{ n: number }>(`SELECT count() AS n FROM ${table}`);
        return (row?.n ?? 0) > 0 ? row : undefined;
      });
    }
    expect(said).toEqual([]);
  });
});

it('the direct sender as the writing user', async () => {
  const { url, user, password, database } = accounts.writer;
  const exporter = createUsageExporter(
    {},
    {
      CLIENT_COST_EXPORTER: 'clickhouse',
      CLIENT_COST_CLICKHOUSE_URL: url,
      CLIENT_COST_CLICKHOUSE_USER: user,
      CLIENT_COST_CLICKHOUSE_PASSWORD: password,
      CLIENT_COST_CLICKHOUSE_DATABASE: database,
      CLIENT_COST_SPOOL_DIR: join(scratch, 'spool'),
    },
  );
  const attributes = Object.fromEntries(
    usageRecord('direct').attributes.map(({ key, value }) => [key, Object.values(value)[0] as string]),
  );
  exporter.emit({ id: attributes['usage.id']!, timeUnixNano: BigInt(Date.now()) * 1_000_000n, attributes });
  expect(await exporter.flush()).toBe(true);
  expect(exporter.stats()).toMatchObject({ delivered: 1, failures: 0, rejected: 0 });
  await exporter.shutdown();
  await inLedger('direct', 1);
});
