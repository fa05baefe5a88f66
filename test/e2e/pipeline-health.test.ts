import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, skipWithoutCollector, startTestStack, type TestStack } from '../support/stack.ts';

// The views read what the real Collector says about itself, by its names and attributes.
describe.skipIf(skipWithoutCollector)("the pipeline's views behind the real Collector", () => {
  let test: TestStack;
  beforeAll(async () => {
    test = await startTestStack({
      collectorEnv: { COLLECTOR_METRICS_INTERVAL_MS: '300', BATCH_FLUSH_TIMEOUT: '50ms' },
    });
  });
  afterAll(() => test.stop());

  const RANGE = "from_time = now('UTC') - INTERVAL 1 HOUR, to_time = now('UTC') + INTERVAL 1 MINUTE";

  it('say what waits in its queues', async () => {
    const now = await eventually('queue sizes in ClickHouse', async () => {
      const [row] = await test.query<{ usage_waiting: number | null; usage_full_percent: number | null }>(
        "SELECT * FROM collector_queue_now(at = now('UTC'))",
      );
      return row?.usage_full_percent === null ? undefined : row;
    });
    expect(now?.usage_waiting).toBe(0);
    expect(now?.usage_full_percent).toBe(0);
    const queues = await eventually('both queues in the series', async () => {
      const rows = await test.query<{ queue: string }>(
        `SELECT DISTINCT queue FROM collector_queues(${RANGE}, step_seconds = 60) ORDER BY queue`,
      );
      return rows.length >= 2 ? rows.map(({ queue }) => queue) : undefined;
    });
    expect(queues).toEqual(['other telemetry', 'usage events']);
  });

  it('know its counters of refusals, of which there are none', async () => {
    await eventually('counters of refusals in ClickHouse', async () => {
      const [row] = await test.query<{ n: number }>(
        "SELECT uniqExact(MetricName) AS n FROM otel_metrics_sum WHERE MetricName LIKE 'otelcol_receiver_refused_%'",
      );
      return row !== undefined && row.n > 0 ? true : undefined;
    });
    expect(await test.query(`SELECT * FROM collector_refusals(${RANGE}, step_seconds = 60)`)).toEqual([]);
  });
});
