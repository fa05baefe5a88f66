import { context, metrics, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { InMemorySpanExporter, type Sampler, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';

/** A context manager as an SDK registers it; the function returned takes it away again. */
export function useContextManager(): () => void {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  return () => context.disable();
}

/** A counter's value for one set of attributes, as it would be exported. */
export interface CounterPoint {
  readonly name: string;
  readonly unit: string;
  readonly attributes: Record<string, unknown>;
  readonly value: number;
}

/** An SDK that keeps everything in memory, registered with the OpenTelemetry API. */
export class MemorySdk {
  readonly spanExporter = new InMemorySpanExporter();
  readonly #metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  readonly #meterProvider: MeterProvider;

  constructor(options: { sampler?: Sampler } = {}) {
    useContextManager();
    const spanProcessors = [new SimpleSpanProcessor({ exporter: this.spanExporter })];
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors, ...options }));
    const reader = new PeriodicExportingMetricReader({
      exporter: this.#metricExporter,
      exportIntervalMillis: 3_600_000,
      exportTimeoutMillis: 1_000,
    });
    this.#meterProvider = new MeterProvider({ readers: [reader] });
    metrics.setGlobalMeterProvider(this.#meterProvider);
  }

  async counters(): Promise<CounterPoint[]> {
    this.#metricExporter.reset();
    await this.#meterProvider.forceFlush();
    const all = this.#metricExporter.getMetrics().flatMap((resource) => resource.scopeMetrics);
    return all.flatMap((scope) =>
      scope.metrics.flatMap((metric) =>
        metric.dataPoints.map((point) => ({
          name: metric.descriptor.name,
          unit: metric.descriptor.unit,
          attributes: { ...point.attributes },
          value: point.value as number,
        })),
      ),
    );
  }

  async stop(): Promise<void> {
    await this.#meterProvider.shutdown();
    trace.disable();
    metrics.disable();
    context.disable();
  }
}
