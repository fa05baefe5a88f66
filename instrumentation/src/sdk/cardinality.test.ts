import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { afterEach, expect, it } from 'vitest';
import type { Finished } from '../recorder/attributes.ts';
import { COUNTER_PREFIX, UsageCounters } from '../recorder/counters.ts';
import { CARDINALITY_LIMIT } from './sdk.ts';

afterEach(() => metrics.disable());

async function clientsSeen(views: { instrumentName: string; aggregationCardinalityLimit: number }[]): Promise<number> {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader], views });
  metrics.setGlobalMeterProvider(provider);
  const counters = new UsageCounters('test', '1');
  for (let i = 0; i < 3_000; i++) {
    counters.add({
      id: String(i),
      scope: { clientId: `client-${i}` },
      service: 's',
      operation: 'o',
      end: { outcome: 'ok' },
      quantity: '1',
      unit: 'request',
      cost: { amount: '0.01', source: 'price_book', version: 'v' },
      problem: undefined,
    } satisfies Finished);
  }
  await provider.forceFlush();
  const [metric] = exporter
    .getMetrics()[0]!
    .scopeMetrics[0]!.metrics.filter(({ descriptor }) => descriptor.name === 'client_cost.cost');
  const clients = new Set(
    metric?.dataPoints.map((point) => point.attributes['client.id']).filter((id) => id !== undefined),
  );
  await provider.shutdown();
  return clients.size;
}

it('every client has a series of its own with the view that our SDK has; without it the SDK folds them', async () => {
  const views = [{ instrumentName: `${COUNTER_PREFIX}*`, aggregationCardinalityLimit: CARDINALITY_LIMIT }];
  expect(await clientsSeen(views)).toBe(3_000);
  metrics.disable();
  expect(await clientsSeen([])).toBeLessThan(3_000);
});
