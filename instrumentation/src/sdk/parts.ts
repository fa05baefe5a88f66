import { context, diag, metrics, propagation, type TextMapPropagator, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  CompositePropagator,
  type ExportResult,
  getNumberFromEnv,
  getStringFromEnv,
  getStringListFromEnv,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from '@opentelemetry/core';
import { OTLPMetricExporter as JsonMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, detectResources, type Resource } from '@opentelemetry/resources';
import { ConsoleMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ConsoleSpanExporter,
  ParentBasedSampler,
  type Sampler,
  SimpleSpanProcessor,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { environment } from '../environment.ts';
import { COUNTER_PREFIX } from '../recorder/counters.ts';
import { resourceDetectors } from './detectors.ts';
import { atMost, CARDINALITY_LIMIT, type StartedSdk } from './sdk.ts';
import { type Signal, tokenHeaders } from './token.ts';

// The same components, defaults and variables as NodeSDK, for what coverage.ts lists; loaded in half the time.

/** Starts tracing and metrics from the SDK's parts and registers them with the OpenTelemetry API. */
export function startParts(): StartedSdk {
  const resource = makeResource();
  const contextManager = new AsyncLocalStorageContextManager();
  contextManager.enable();
  context.setGlobalContextManager(contextManager);
  const propagator = makePropagator();
  if (propagator !== undefined) propagation.setGlobalPropagator(propagator);
  const readers = metricReaders();
  const meterProvider =
    readers.length === 0
      ? undefined
      : new MeterProvider({
          resource,
          readers,
          views: [{ instrumentName: `${COUNTER_PREFIX}*`, aggregationCardinalityLimit: CARDINALITY_LIMIT }],
        });
  if (meterProvider !== undefined) metrics.setGlobalMeterProvider(meterProvider);
  const spanProcessors = makeSpanProcessors();
  const sampler = makeSampler();
  const tracerProvider =
    spanProcessors.length === 0
      ? undefined
      : new TracerProvider({ resource, spanProcessors, ...(sampler === undefined ? undefined : { sampler }) });
  if (tracerProvider !== undefined) trace.setGlobalTracerProvider(tracerProvider);
  const flush = (timeoutMillis: number) =>
    atMost(Promise.allSettled([tracerProvider?.forceFlush(), meterProvider?.forceFlush()]), timeoutMillis);
  return {
    plainSpans: true,
    flush,
    end: (timeoutMillis) => {
      endWithin = timeoutMillis;
      return flush(timeoutMillis);
    },
  };
}

/** Set when the process ends: how long an export may take from then on, in milliseconds. */
let endWithin: number | undefined;

interface Exporter<Items> {
  export(items: Items, done: (result: ExportResult) => void): void;
}

/**
 * An OTLP exporter that gives up in time when the process ends. Its own retries go on for ten seconds and hold the
 * process for as long, with a Collector that does not answer.
 */
function endable<Items, E extends Exporter<Items>>(
  signal: Signal,
  make: (options: { timeoutMillis?: number; headers?: Record<string, string> }) => E,
): E {
  const headers = tokenHeaders(signal, environment());
  const exporter = make({ headers });
  const exportItems = exporter.export.bind(exporter);
  exporter.export = (items, done) => {
    if (endWithin === undefined) exportItems(items, done);
    else make({ headers, timeoutMillis: endWithin }).export(items, done);
  };
  return exporter;
}

function makeResource(): Resource {
  const detectors = resourceDetectors();
  if (detectors.length === 0) return defaultResource();
  return defaultResource().merge(detectResources({ detectors }));
}

function makePropagator(): TextMapPropagator | undefined {
  const given = getStringListFromEnv('OTEL_PROPAGATORS') ?? [];
  const names = given.length === 0 ? ['tracecontext', 'baggage'] : given;
  if (names.includes('none')) return undefined;
  const propagators: TextMapPropagator[] = [];
  if (names.includes('tracecontext')) propagators.push(new W3CTraceContextPropagator());
  if (names.includes('baggage')) propagators.push(new W3CBaggagePropagator());
  return new CompositePropagator({ propagators });
}

function protocol(signal: 'TRACES' | 'METRICS'): string {
  const own = getStringFromEnv(`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`);
  return (own ?? getStringFromEnv('OTEL_EXPORTER_OTLP_PROTOCOL'))?.trim() || 'http/protobuf';
}

/** The exporters a variable names, once each; `otlp` by default, none where `none` is among them. */
function exporterNames(variable: string): string[] {
  const names = [...new Set(getStringListFromEnv(variable) ?? [])];
  if (names.includes('none')) return [];
  return names.length === 0 ? ['otlp'] : names;
}

function metricReaders(): PeriodicExportingMetricReader[] {
  return exporterNames('OTEL_METRICS_EXPORTER').map((name) => {
    if (name === 'console') return new PeriodicExportingMetricReader({ exporter: new ConsoleMetricExporter() });
    const exportIntervalMillis = positive('OTEL_METRIC_EXPORT_INTERVAL') ?? 60_000;
    const timeout = positive('OTEL_METRIC_EXPORT_TIMEOUT') ?? 30_000;
    return new PeriodicExportingMetricReader({
      exporter: endable('METRICS', (options) =>
        protocol('METRICS') === 'http/json' ? new JsonMetricExporter(options) : new OTLPMetricExporter(options),
      ),
      exportIntervalMillis,
      exportTimeoutMillis: Math.min(timeout, exportIntervalMillis),
    });
  });
}

function makeSpanProcessors(): SpanProcessor[] {
  return exporterNames('OTEL_TRACES_EXPORTER').map((name) => {
    if (name === 'console') return new SimpleSpanProcessor({ exporter: new ConsoleSpanExporter() });
    const exporter = endable('TRACES', (options) =>
      protocol('TRACES') === 'http/json' ? new JsonTraceExporter(options) : new OTLPTraceExporter(options),
    );
    return new BatchSpanProcessor({
      exporter,
      ...option('maxQueueSize', 'OTEL_BSP_MAX_QUEUE_SIZE'),
      ...option('scheduledDelayMillis', 'OTEL_BSP_SCHEDULE_DELAY'),
      ...option('exportTimeoutMillis', 'OTEL_BSP_EXPORT_TIMEOUT'),
      ...option('maxExportBatchSize', 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE'),
    });
  });
}

function option<K extends string>(key: K, variable: string): Partial<Record<K, number>> {
  const value = positive(variable);
  return value === undefined ? {} : ({ [key]: value } as Partial<Record<K, number>>);
}

function positive(variable: string): number | undefined {
  const value = getNumberFromEnv(variable);
  if (value === undefined || value > 0) return value;
  diag.warn(`${variable}=${value} is not a number greater than 0; the default is used`);
  return undefined;
}

function makeSampler(): Sampler | undefined {
  const name = getStringFromEnv('OTEL_TRACES_SAMPLER');
  if (name === undefined) return undefined;
  const root = rootSampler(name.replace('parentbased_', ''));
  return name.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root;
}

function rootSampler(name: string): Sampler {
  if (name === 'always_off') return new AlwaysOffSampler();
  return name === 'traceidratio' ? new TraceIdRatioBasedSampler(samplerRatio()) : new AlwaysOnSampler();
}

function samplerRatio(): number {
  const ratio = getNumberFromEnv('OTEL_TRACES_SAMPLER_ARG');
  if (ratio !== undefined && ratio >= 0 && ratio <= 1) return ratio;
  diag.error(`OTEL_TRACES_SAMPLER_ARG=${ratio ?? ''} is not a number from 0 to 1; using 1`);
  return 1;
}
