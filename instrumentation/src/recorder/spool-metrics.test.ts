import type { SpoolState, UsageExporter } from '@client-cost/exporter';
import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { afterEach, expect, it } from 'vitest';
import { observeSpool } from './spool-metrics.ts';

afterEach(() => metrics.disable());

it('the spool is seen by the provider in use, once, with what it holds at the time of collection', async () => {
  let state: SpoolState = {
    pending: 3,
    bytes: 2000,
    oldestAgeMs: 1500,
    dropped: 4,
    rejected: 5,
    failures: 6,
    memory: 7,
  };
  const exporter = { spool: () => state } as unknown as UsageExporter;
  observeSpool(exporter, 'scope', '1');
  for (const round of [1, 2]) {
    const memory = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter: memory, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({ readers: [reader] });
    metrics.setGlobalMeterProvider(provider);
    observeSpool(exporter, 'scope', '1');
    observeSpool(exporter, 'scope', '1');
    state = { ...state, pending: 10 * round };
    await provider.forceFlush();
    const [scope] = memory.getMetrics()[0]!.scopeMetrics;
    expect(scope!.scope.name).toBe('scope');
    const seen = scope!.metrics.map(
      ({ descriptor, dataPoints }) => `${descriptor.name} ${descriptor.unit} ${dataPoints[0]!.value}`,
    );
    expect(seen.sort()).toEqual([
      'client_cost.spool.bytes By 2000',
      'client_cost.spool.dropped {event} 4',
      'client_cost.spool.failures {attempt} 6',
      'client_cost.spool.memory {event} 7',
      'client_cost.spool.oldest_age s 1.5',
      `client_cost.spool.pending {event} ${10 * round}`,
      'client_cost.spool.rejected {event} 5',
    ]);
    expect(scope!.metrics.every(({ dataPoints }) => dataPoints.length === 1)).toBe(true);
    await provider.shutdown();
    metrics.disable();
  }
});
