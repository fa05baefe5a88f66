import * as http from 'node:http';
import type { AddressInfo } from 'node:net';

type Attributes = Record<string, unknown>;

interface Received {
  readonly resource: Attributes;
  readonly scope: string;
  readonly attributes: Attributes;
}

export interface ReceivedLog extends Received {
  readonly eventName: string;
  readonly traceId: string;
  readonly spanId: string;
}

export interface ReceivedSpan extends Received {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly status: { code?: number; message?: string };
  readonly events: { name: string; attributes: Attributes }[];
}

export interface ReceivedPoint extends Received {
  readonly name: string;
  readonly value: number;
}

// biome-ignore lint/suspicious/noExplicitAny: OTLP/JSON as it comes, read by the tests only
type Json = any;

/** An OTLP/HTTP endpoint that keeps what it is sent as JSON. Points come as last exported, per series. */
export class OtlpSink {
  readonly logs: ReceivedLog[] = [];
  readonly spans: ReceivedSpan[] = [];
  readonly points = new Map<string, ReceivedPoint>();
  #server = http.createServer((request, response) => this.#receive(request, response));

  /** Listens on a free port of the loopback; resolves to the base URL for OTEL_EXPORTER_OTLP_ENDPOINT. */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  clear(): void {
    this.logs.length = 0;
    this.spans.length = 0;
    this.points.clear();
  }

  #receive(request: http.IncomingMessage, response: http.ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Json;
      for (const each of body.resourceLogs ?? []) this.#logs(each);
      for (const each of body.resourceSpans ?? []) this.#spans(each);
      for (const each of body.resourceMetrics ?? []) this.#metrics(each);
      response.setHeader('content-type', 'application/json');
      response.end('{}');
    });
  }

  #logs(each: Json): void {
    for (const scope of each.scopeLogs) {
      for (const record of scope.logRecords) {
        const { eventName, traceId = '', spanId = '' } = record;
        this.logs.push({ ...common(each, scope, record), eventName, traceId, spanId });
      }
    }
  }

  #spans(each: Json): void {
    for (const scope of each.scopeSpans) {
      for (const span of scope.spans) {
        const { name, kind, traceId, spanId, parentSpanId = '', status = {} } = span;
        const events = (span.events ?? []).map((event: Json) => ({
          name: event.name,
          attributes: flat(event.attributes),
        }));
        this.spans.push({ ...common(each, scope, span), name, kind, traceId, spanId, parentSpanId, status, events });
      }
    }
  }

  #metrics(each: Json): void {
    for (const scope of each.scopeMetrics) {
      for (const metric of scope.metrics) {
        for (const point of metric.sum?.dataPoints ?? []) {
          const value = Number(point.asDouble ?? point.asInt);
          const received = { ...common(each, scope, point), name: metric.name as string, value };
          this.points.set(JSON.stringify([metric.name, received.attributes, received.resource]), received);
        }
      }
    }
  }
}

function common(each: Json, scope: Json, item: Json): Received {
  return {
    resource: flat(each.resource?.attributes),
    scope: scope.scope?.name ?? '',
    attributes: flat(item.attributes),
  };
}

function flat(list: Json[] | undefined): Attributes {
  return Object.fromEntries((list ?? []).map(({ key, value }) => [key, plain(value)]));
}

function plain(value: Json): unknown {
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.boolValue !== undefined) return value.boolValue;
  if (value.intValue !== undefined) return Number(value.intValue);
  if (value.doubleValue !== undefined) return value.doubleValue;
  if (value.arrayValue !== undefined) return value.arrayValue.values.map(plain);
  return value;
}
