import { messageOf } from '../log.ts';
import type { SendResult, Transport } from '../types.ts';
import { type Answer, type HttpOptions, HttpPoster, retryAfter } from './http.ts';
import { excerpt, unreachable } from './otlp.ts';

export interface ClickHouseOptions {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly timeoutMs: number;
  readonly gzip: boolean;
  readonly tls?: HttpOptions['tls'];
  readonly files?: HttpOptions['files'];
}

type AnyValue = Record<string, unknown>;
type KeyValue = { key: string; value: AnyValue };
interface Header {
  resource?: { attributes?: KeyValue[] };
  scope?: { name?: string; version?: string };
  schemaUrl?: string;
}

const COLUMNS =
  'Timestamp, TraceId, SpanId, TraceFlags, SeverityText, SeverityNumber, ServiceName, Body, ResourceSchemaUrl, ResourceAttributes, ' +
  'ScopeSchemaUrl, ScopeName, ScopeVersion, ScopeAttributes, LogAttributes, EventName';

/** Error codes of ClickHouse that speak of the rows, not of the server: CANNOT_PARSE_*, INCORRECT_DATA, TOO_LARGE_STRING_SIZE, … */
const ROW_ERRORS = new Set([6, 7, 26, 27, 38, 41, 53, 69, 70, 72, 117, 130, 131, 321, 349, 467]);

/** A value as the Collector's exporter v0.161 writes it into Map(String, String): pcommon.Value.AsString. */
export function valueAsString(value: AnyValue): string {
  if (typeof value.stringValue === 'string') return value.stringValue;
  if ('intValue' in value) return String(value.intValue);
  if ('boolValue' in value || 'doubleValue' in value) return String(value.boolValue ?? value.doubleValue);
  if ('arrayValue' in value || 'kvlistValue' in value) return JSON.stringify(plain(value));
  return '';
}

function plain(value: AnyValue): unknown {
  if ('arrayValue' in value) return ((value.arrayValue as { values?: AnyValue[] }).values ?? []).map(plain);
  if ('kvlistValue' in value) return plainMap((value.kvlistValue as { values?: KeyValue[] }).values);
  if ('intValue' in value) return Number(value.intValue);
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? null;
}

function plainMap(list: KeyValue[] = []): Record<string, unknown> {
  return Object.fromEntries(list.map(({ key, value }) => [key, plain(value)]));
}

function stringMap(list: KeyValue[] = []): Record<string, string> {
  return Object.fromEntries(list.map(({ key, value }) => [key, valueAsString(value)]));
}

/** Nanoseconds since the epoch as `2026-01-02T03:04:05.123456789Z`, which names its zone. */
function isoNanos(nanos: string): string {
  const ns = BigInt(nanos);
  const seconds = new Date(Number(ns / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(ns % 1_000_000_000n).padStart(9, '0')}Z`;
}

/** The row of `otel_logs` that the Collector's ClickHouse exporter v0.161 would insert for this record, as JSONEachRow. */
export function logRow(header: Header, record: Record<string, unknown>): Record<string, unknown> {
  const resource = stringMap(header.resource?.attributes);
  return {
    Timestamp: isoNanos(String(record.timeUnixNano ?? record.observedTimeUnixNano)),
    TraceId: record.traceId ?? '',
    SpanId: record.spanId ?? '',
    TraceFlags: record.flags ?? 0,
    SeverityText: record.severityText ?? '',
    SeverityNumber: record.severityNumber ?? 0,
    ServiceName: resource['service.name'] ?? '',
    Body: '',
    ResourceSchemaUrl: header.schemaUrl ?? '',
    ResourceAttributes: resource,
    ScopeSchemaUrl: '',
    ScopeName: header.scope?.name ?? '',
    ScopeVersion: header.scope?.version ?? '',
    ScopeAttributes: {},
    LogAttributes: stringMap(record.attributes as KeyValue[]),
    EventName: record.eventName ?? '',
  };
}

/** Rows straight into ClickHouse over HTTP, for a stack with no Collector: the same rows in the same table. */
export class ClickHouseTransport implements Transport {
  readonly target: string;
  private readonly options: ClickHouseOptions;
  private readonly poster: HttpPoster;

  constructor(options: ClickHouseOptions) {
    this.options = options;
    const url = new URL(options.url);
    // Kept out of the address: a URL with a password in it would end up in messages.
    const user = url.username === '' ? options.user : decodeURIComponent(url.username);
    const password = url.password === '' ? options.password : decodeURIComponent(url.password);
    url.username = '';
    url.password = '';
    this.target = url.origin;
    const table = `\`${options.database.replace(/[`\\]/g, '\\$&')}\`.otel_logs`;
    url.searchParams.set('query', `INSERT INTO ${table} (${COLUMNS}) FORMAT JSONEachRow`);
    url.searchParams.set('async_insert', '0');
    // A batch of late events may span more days than an insert may have partitions (100): it could never be inserted.
    url.searchParams.set('throw_on_max_partitions_per_insert_block', '0');
    url.searchParams.set('wait_end_of_query', '1');
    url.searchParams.set('date_time_input_format', 'best_effort');
    this.poster = new HttpPoster({
      url: url.href,
      timeoutMs: options.timeoutMs,
      gzip: options.gzip,
      ...(options.tls === undefined ? {} : { tls: options.tls }),
      ...(options.files === undefined ? {} : { files: options.files }),
      headers: {
        'content-type': 'application/x-ndjson',
        'x-clickhouse-user': user,
        ...(password === '' ? {} : { 'x-clickhouse-key': password }),
      },
    });
  }

  async send(header: string, records: readonly Uint8Array[]): Promise<SendResult> {
    let rows: string[];
    try {
      const shared = JSON.parse(header) as Header;
      rows = records.map((record) => JSON.stringify(logRow(shared, JSON.parse(Buffer.from(record).toString()))));
    } catch (error) {
      // Not the way, the content: sent again it would fail for ever.
      return { kind: 'invalid', reason: messageOf(error) };
    }
    let answer: Answer;
    try {
      answer = await this.poster.post(Buffer.from(`${rows.join('\n')}\n`));
    } catch (error) {
      return unreachable(this.target, error);
    }
    const { status, body, headers } = answer;
    const code = Number(headers['x-clickhouse-exception-code'] ?? /^Code: (\d+)/.exec(body)?.[1] ?? 0);
    // An insert is answered with 200, nothing, and ClickHouse's own headers. A page of a proxy is no acknowledgement.
    const own = Object.keys(headers).some((name) => name.startsWith('x-clickhouse-'));
    if (status === 200 && code === 0 && own && body.trim() === '') return { kind: 'ok' };
    const foreign =
      status >= 200 && status < 300 && code === 0 ? ' with what is no answer of ClickHouse to an insert' : '';
    const reason = `ClickHouse at ${this.target} answered ${status}${foreign}${excerpt(body)}`;
    if (ROW_ERRORS.has(code) || status === 413) return { kind: 'invalid', reason };
    const check = this.check(code, status);
    const after = retryAfter(headers['retry-after']);
    return {
      kind: 'retry',
      reached: true,
      reason: check === undefined ? reason : `${reason}; ${check}`,
      ...(after === undefined ? {} : { retryAfterMs: after }),
    };
  }

  close(): void {
    this.poster.close();
  }

  private check(code: number, status: number): string | undefined {
    if (code === 516 || code === 192 || code === 193 || code === 194 || status === 401 || status === 403)
      return 'check CLIENT_COST_CLICKHOUSE_USER and CLIENT_COST_CLICKHOUSE_PASSWORD (or _PASSWORD_FILE)';
    if (code === 81 || code === 60)
      return `the tables are missing in database ${this.options.database}: run \`client-cost migrate\`, or check CLIENT_COST_CLICKHOUSE_DATABASE`;
    if (code === 497) return `user ${this.options.user} needs INSERT on ${this.options.database}.otel_logs`;
    if (status === 404 || (status < 300 && code === 0))
      return 'check CLIENT_COST_CLICKHOUSE_URL: it must be the HTTP interface (port 8123)';
    return undefined;
  }
}
