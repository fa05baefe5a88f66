import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Attributes, BatchObservableResult } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { type IMetricReader, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import type { SmsDeps } from '../types.ts';
import { readSmsState } from './read.ts';

export interface SmsMetrics {
  webhook(route: string, result: string): void;
  /** A callback of Twilio's: `status` or `incoming`. */
  callback(kind: string, result: string): void;
  acknowledged(how: string, alerts: number): void;
  /** From the text's place in the outbox to the carrier's word that it arrived. */
  delivered(seconds: number, severity: string): void;
  limited(endpoint: string): void;
  /** Answers with the Prometheus page. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  close(): Promise<void>;
}

const BUCKETS = [1, 2, 5, 10, 30, 60, 120, 300, 900, 3_600];

/**
 * The service's metrics: on `GET /metrics` for Prometheus, and over OTLP/HTTP where `OTEL_EXPORTER_OTLP_ENDPOINT` or
 * `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT` is set. A provider of its own: an application's OpenTelemetry in the same process sees none of it.
 * No label holds a number, a name or a client.
 */
export function createSmsMetrics(deps: SmsDeps, env: NodeJS.ProcessEnv = process.env): SmsMetrics {
  const prometheus = new PrometheusExporter({ preventServerStart: true, withoutScopeInfo: true });
  const readers: IMetricReader[] = [prometheus];
  if (env.OTEL_EXPORTER_OTLP_ENDPOINT || env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT) {
    readers.push(new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter() }));
  }
  const resource = resourceFromAttributes({ 'service.name': env.OTEL_SERVICE_NAME || 'client-cost-sms' });
  const provider = new MeterProvider({ resource, readers });
  const meter = provider.getMeter('@client-cost/grafana/sms');
  const counter = (name: string, description: string) => {
    const made = meter.createCounter(`client_cost.sms.${name}`, { description });
    return (attributes: Attributes, value = 1) => made.add(value, attributes);
  };
  const webhooks = counter('webhooks', 'Webhooks of Grafana and client-cost alerts check, by route and result');
  const callbacks = counter('callbacks', 'Requests of Twilio, by kind and result');
  const acknowledgements = counter('acknowledgements', 'Alerts acknowledged, by how');
  const limited = counter('limited', 'Requests refused by a rate limit, by endpoint');
  const delivery = meter.createHistogram('client_cost.sms.delivery.duration', {
    description: 'Time from a text in the outbox to its delivery',
    unit: 's',
    advice: { explicitBucketBoundaries: BUCKETS },
  });

  const gauge = (name: string, description: string, unit?: string) =>
    meter.createObservableGauge(`client_cost.sms.${name}`, { description, ...(unit === undefined ? {} : { unit }) });
  const texts = gauge('texts', 'Texts in the outbox, by state');
  const oldest = gauge('oldest_due.age', 'Age of the oldest text that is due and has not left, by severity', 's');
  const alerts = gauge('alerts', 'Alerts that fire, by whether somebody acknowledged');
  const alone = gauge('unanswered', 'Critical alerts that nobody on call acknowledged');
  const stopped = gauge('stopped_contacts', 'Contacts on call who answered STOP');
  const events = gauge('events_waiting', 'Events of alerts that wait for ClickHouse');
  meter.addBatchObservableCallback(
    (observed: BatchObservableResult) => {
      const state = readSmsState(deps);
      for (const [name, count] of Object.entries(state.texts)) observed.observe(texts, count, { state: name });
      observed.observe(oldest, state.oldestDueSeconds, { severity: 'any' });
      observed.observe(oldest, state.oldestCriticalSeconds, { severity: 'critical' });
      for (const [name, count] of Object.entries(state.alerts)) observed.observe(alerts, count, { state: name });
      observed.observe(alone, state.unanswered);
      observed.observe(stopped, state.stopped.length);
      observed.observe(events, state.eventsWaiting);
    },
    [texts, oldest, alerts, alone, stopped, events],
  );

  return {
    webhook: (route, result) => webhooks({ route, result }),
    callback: (kind, result) => callbacks({ kind, result }),
    acknowledged: (how, count) => acknowledgements({ how }, count),
    delivered: (seconds, severity) => delivery.record(seconds, { severity }),
    limited: (endpoint) => limited({ endpoint }),
    handle: (request, response) => prometheus.getMetricsRequestHandler(request, response),
    close: () => provider.shutdown(),
  };
}
