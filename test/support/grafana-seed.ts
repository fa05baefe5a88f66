import { randomUUID } from 'node:crypto';
import type { ClickHouseClient } from '@clickhouse/client';
import { logRow, usage, uuidv7 } from '../../clickhouse/src/queries/testing/ledger.ts';
import type { Times } from './grafana-times.ts';

export interface SeededEvent {
  readonly time: string;
  readonly client?: string;
  readonly cost?: string;
  readonly service?: string;
  readonly operation?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly count?: number;
  readonly delayMs?: number;
  readonly every?: string;
  readonly until?: string;
  readonly trace?: string;
}

/** `input.json` of a case; test/e2e/grafana/README.md says what each part means. */
export interface CaseInput {
  readonly variables?: Readonly<Record<string, string | string[]>>;
  readonly from?: string;
  readonly to?: string;
  readonly intervalMs?: number;
  readonly clients?: readonly Readonly<Record<string, unknown>>[];
  readonly events?: readonly SeededEvent[];
  readonly rejected?: readonly {
    readonly time: string;
    readonly reason: string;
    readonly count?: number;
    readonly [column: string]: unknown;
  }[];
  readonly alerts?: readonly {
    readonly time: string;
    readonly alert_key: string;
    readonly event: string;
    readonly [column: string]: unknown;
  }[];
  readonly metrics?: readonly {
    readonly name: string;
    readonly kind: 'gauge' | 'sum';
    readonly values: Readonly<Record<string, number>>;
    readonly attributes?: Readonly<Record<string, string>>;
    readonly resource?: Readonly<Record<string, string>>;
    readonly start?: string;
    readonly temporality?: 1 | 2;
  }[];
  readonly tables?: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
  readonly refresh?: boolean;
}

const PARTS = [
  'variables',
  'from',
  'to',
  'intervalMs',
  'clients',
  'events',
  'rejected',
  'alerts',
  'metrics',
  'tables',
  'refresh',
];
const DEFAULT_DELAY_MS = 1000;

/** A time as ClickHouse reads it from JSON. */
const sqlTime = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').replace('Z', '');

interface Call {
  readonly id: string;
  readonly time: number;
  readonly delayMs: number;
  readonly row: ReturnType<typeof logRow>;
}

function* timesOf(event: SeededEvent, times: Times): Generator<number> {
  const first = times.at(event.time);
  if (event.every === undefined) {
    for (let n = 0; n < (event.count ?? 1); n += 1) yield first;
    return;
  }
  const step = times.at(`now+${event.every}`) - times.now;
  const last = times.at(event.until ?? 'now');
  if ((last - first) / step > 10_000) throw new Error(`${event.time} every ${event.every} are too many events`);
  for (let time = first; time <= last; time += step) {
    for (let n = 0; n < (event.count ?? 1); n += 1) yield time;
  }
}

function calls(event: SeededEvent, times: Times): Call[] {
  return [...timesOf(event, times)].map((time) => {
    const id = event.attributes?.['usage.id'] ?? uuidv7(time);
    const attributes = usage({
      'usage.id': id,
      ...(event.client === undefined ? {} : { 'client.id': event.client }),
      ...(event.cost === undefined ? {} : { 'cost.amount': event.cost }),
      ...(event.service === undefined ? {} : { 'usage.service': event.service }),
      ...(event.operation === undefined ? {} : { 'usage.operation': event.operation }),
      ...event.attributes,
    });
    const row = logRow({ time: new Date(time).toISOString(), attributes });
    return {
      id,
      time,
      delayMs: event.delayMs ?? DEFAULT_DELAY_MS,
      row: event.trace === undefined ? row : { ...row, TraceId: event.trace },
    };
  });
}

/** The views stamp what comes in with the clock; a seed says when it came. */
async function setArrival(client: ClickHouseClient, all: readonly Call[], times: Times): Promise<void> {
  const own = all.filter(({ delayMs }) => delayMs !== DEFAULT_DELAY_MS);
  const ids = own.map(({ id }) => `'${id}'`).join(', ');
  const delays = own.map(({ delayMs }) => delayMs).join(', ');
  const delay =
    own.length === 0 ? DEFAULT_DELAY_MS : `transform(toString(usage_id), [${ids}], [${delays}], ${DEFAULT_DELAY_MS})`;
  for (const table of ['usage_events', 'usage_updates']) {
    await client.command({
      query: `ALTER TABLE ${table} UPDATE ingested_at =
        least(toDateTime64(time, 3, 'UTC') + toIntervalMillisecond(${delay}), fromUnixTimestamp64Milli(${times.now}, 'UTC'))
        WHERE is_standalone = 0 SETTINGS mutations_sync = 2`,
    });
  }
}

function alertRow(alert: NonNullable<CaseInput['alerts']>[number], times: Times): Record<string, unknown> {
  const { time, ...columns } = alert;
  const [type = '', severity = '', month = '', ...client] = times.fill(alert.alert_key).split(':');
  const id = client.join(':');
  const rest = { ...columns, alert_key: times.fill(alert.alert_key) };
  return {
    event_id: randomUUID(),
    time: sqlTime(times.at(time)),
    alert_type: type,
    severity,
    month,
    client_id: id,
    client_name: id,
    source: 'grafana',
    ...rest,
  };
}

function metricRows(metric: NonNullable<CaseInput['metrics']>[number], times: Times): Record<string, unknown>[] {
  const points = Object.entries(metric.values).map(([text, value]) => ({ at: times.at(text), value }));
  const start = metric.start === undefined ? Math.min(...points.map(({ at }) => at)) - 60_000 : times.at(metric.start);
  const service = metric.name.startsWith('otelcol_') ? 'otelcol-client-cost' : 'checkout';
  return points.map(({ at, value }) => ({
    MetricName: metric.name,
    ServiceName: service,
    Attributes: metric.attributes ?? {},
    ResourceAttributes: { 'service.name': service, ...metric.resource },
    StartTimeUnix: Math.floor(start / 1000),
    TimeUnix: Math.floor(at / 1000),
    Value: value,
    ...(metric.kind === 'sum' ? { AggregationTemporality: metric.temporality ?? 2, IsMonotonic: true } : {}),
  }));
}

const filled = (row: Readonly<Record<string, unknown>>, times: Times): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      typeof value === 'string' ? times.fill(value).replace(/^(\d{4}-\d\d-\d\d)T([\d:.]+)Z$/, '$1 $2') : value,
    ]),
  );

/** Puts a case's data into a fresh ledger. @throws Error naming a part of `input.json` that does not exist, or ClickHouse's own */
export async function seed(client: ClickHouseClient, input: CaseInput, times: Times): Promise<void> {
  const unknown = Object.keys(input).filter((name) => !PARTS.includes(name));
  if (unknown.length > 0)
    throw new Error(`input.json: there is no "${unknown.join('", "')}"; there is ${PARTS.join(', ')}`);
  const insert = async (table: string, values: readonly unknown[]): Promise<void> => {
    if (values.length > 0) await client.insert({ table, values: [...values], format: 'JSONEachRow' });
  };
  await insert('clients', input.clients ?? []);
  const all = (input.events ?? []).flatMap((event) => calls(event, times));
  await insert(
    'otel_logs',
    all.map(({ row }) => row),
  );
  if (all.length > 0) await setArrival(client, all, times);
  await insert(
    'usage_events_rejected',
    (input.rejected ?? []).flatMap(({ time, count = 1, ...columns }) =>
      Array.from({ length: count }, () => ({
        received_at: sqlTime(times.at(time)),
        time: sqlTime(times.at(time)),
        ...columns,
      })),
    ),
  );
  await insert(
    'usage_alerts',
    (input.alerts ?? []).map((alert) => alertRow(alert, times)),
  );
  for (const kind of ['gauge', 'sum'] as const) {
    const points = (input.metrics ?? [])
      .filter((metric) => metric.kind === kind)
      .flatMap((metric) => metricRows(metric, times));
    await insert(`otel_metrics_${kind}`, points);
  }
  for (const [table, values] of Object.entries(input.tables ?? {})) {
    await insert(
      table,
      values.map((row) => filled(row, times)),
    );
  }
}
