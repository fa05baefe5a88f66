import { CALLS, CLIENTS } from './seed-data.ts';

const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
const rowsOf = (rows: readonly (readonly (string | number)[])[]): string =>
  rows
    .map((row) => `(${row.map((value) => (typeof value === 'number' ? value : text(value))).join(', ')})`)
    .join(',\n    ');

/** Names and thresholds; the last client is not active any more. */
const clients = `INSERT INTO clients (id, name, active, monthly_warning, monthly_critical)
VALUES ${CLIENTS.filter(({ name }) => name !== undefined)
  .map(
    ({ id, name, active = true, limits }) =>
      `(${text(id)}, ${text(name ?? '')}, ${active}, ${limits?.[0] ?? 'NULL'}, ${limits?.[1] ?? 'NULL'})`,
  )
  .join(', ')}`;

const clientRows = rowsOf(CLIENTS.map(({ id, months }) => [id, ...months]));
const callRows = rowsOf(
  CALLS.map((call) => [
    call.service,
    call.operation,
    call.provider ?? '',
    call.model ?? '',
    call.perDay,
    call.unit ?? 'request',
    ...(call.input ?? [0, 0]),
    ...(call.output ?? [0, 0]),
    ...(call.quantity ?? [1, 1]),
    call.perInput ?? 0,
    call.perOutput ?? 0,
    call.perUnit ?? 0,
    call.plus ?? 0,
    call.source ?? 'price_book',
  ]),
);
const clientColumns = `id String, ${[6, 5, 4, 3, 2, 1, 0].map((ago) => `m${ago} Float64`).join(', ')}`;
const callColumns = `service String, operation String, provider String, model String, per_day Float64, unit String, input_min UInt32,
    input_max UInt32, output_min UInt32, output_max UInt32, quantity_min UInt32, quantity_max UInt32, per_input Float64,
    per_output Float64, per_unit Float64, plus Float64, source String`;

/**
 * The calls of a number of days, straight into the ledger. Every figure follows from the hash of day, client, call and number, so the same day of the same run
 * of days has the same calls; the end is now.
 */
const events = (
  days: number,
): string => `INSERT INTO usage_events (usage_id, version, is_deleted, time, client_id, service, operation, provider, request_model,
    response_model, input_tokens, output_tokens, cache_read_tokens, quantity, unit, cost, currency, cost_source, price_version, outcome,
    error_type, trace_id, span_id, service_name, environment, ingested_at)
SELECT
    toUUID(concat(substring(ms, 1, 8), '-', substring(ms, 9, 4), '-7', substring(h, 1, 3), '-8', substring(h, 4, 3), '-', substring(h, 7, 10), '0', substring(h, 1, 1))) AS usage_id,
    1, 0, time, id, service, operation, provider, model, model,
    if(input_max = 0, NULL, tokens_in), if(output_max = 0, NULL, tokens_out), if(input_max = 0, NULL, cached), amount, unit,
    if(source = 'unpriced' OR failed, NULL, toDecimal64(round((tokens_in - cached / 2) * per_input / 1000000 + tokens_out * per_output / 1000000
        + toFloat64(amount) * per_unit + plus, 9), 12)),
    'USD', if(source = 'unpriced' AND NOT failed, 'unpriced', source), '2026-11', if(failed, 'error', 'ok'), if(failed, '429', ''),
    lower(hex(sipHash128(h))), lower(leftPad(hex(cityHash64(h, 9)), 16, '0')), ['assistant', 'messenger', 'scheduler'][cityHash64(service) % 3 + 1],
    'production', toDateTime64(time, 3) + (800 + cityHash64(h, 7) % 5200) / 1000 AS ingested_at
FROM (
    SELECT
        *,
        lower(hex(cityHash64(day, id, service, operation, model, number))) AS hash,
        leftPad(hash, 16, '0') AS h,
        -- Busy from 13:00 to 01:00 UTC, a Canadian working day, and a little around the clock.
        toUInt64(if(cityHash64(h, 1) % 9 = 0, cityHash64(h, 2) % 86400, (46800 + (cityHash64(h, 2) % 24000 + cityHash64(h, 3) % 20000)) % 86400)) AS second,
        toDateTime64(day, 9, 'UTC') + second + (cityHash64(h, 4) % 1000) / 1000 AS time,
        lower(leftPad(hex(toUnixTimestamp64Milli(toDateTime64(time, 3))), 12, '0')) AS ms,
        input_min + cityHash64(h, 5) % (input_max - input_min + 1) AS tokens_in,
        output_min + cityHash64(h, 6) % (output_max - output_min + 1) AS tokens_out,
        if(cityHash64(h, 11) % 3 = 0, intDiv(tokens_in, 2), 0) AS cached,
        toDecimal128(quantity_min + cityHash64(h, 8) % (quantity_max - quantity_min + 1), 12) AS amount,
        cityHash64(h, 12) % 190 = 0 AS failed
    FROM (
        SELECT c.*, k.*, toDate(now('UTC')) - ago AS day,
            dateDiff('month', day, toDate(now('UTC'))) AS months_ago,
            [m0, m1, m2, m3, m4, m5, m6][least(months_ago, 6) + 1] AS factor,
            if(toDayOfWeek(day) > 5, 0.45, 1.2) * (0.8 + (cityHash64(day, id) % 40) / 100) AS of_day,
            arrayJoin(range(toUInt64(floor(per_day * factor * of_day + (cityHash64(day, id, operation, model) % 1000) / 1000)))) AS number
        FROM values('${clientColumns}', ${clientRows}) AS c
        CROSS JOIN values('${callColumns}', ${callRows}) AS k
        CROSS JOIN (SELECT number AS ago FROM numbers(${days})) AS d
    )
)
WHERE time <= now64(9, 'UTC')`;

// One moment for all events of the alerts: each statement has its own now.
const NOW = new Date().toISOString().slice(0, 19);

/** What is active in usage_alerts is what the alert views say today; one critical is acknowledged, and last month's have been resolved. */
const alertColumns = `(event_id, time, alert_key, event, client_id, client_name, alert_type, severity, month, message, source, actor, channel,
    recipient, error, details, acknowledge_url)`;

const firing = `(SELECT *, concat(alert_type, ':', severity, ':', month, ':', client_id) AS alert_key,
    toDateTime64('${NOW}', 3, 'UTC') - toIntervalMinute(35 + cityHash64(alert_key) % if(severity = 'critical', 280, 4000)) AS fired_at,
    toJSONString(map('current_cost', toString(current_cost), 'previous_cost', toString(ifNull(previous_cost, 0)),
        'projected_cost', toString(projected_cost), 'threshold', toString(threshold))) AS details
    FROM client_alert_states(as_of = toDate(now('UTC'))) WHERE state = 1)`;

const life = (
  event: string,
  minutes: number,
  more: { where?: string; actor?: string; channel?: string; source?: string; to?: string; error?: string } = {},
): string =>
  `INSERT INTO usage_alerts ${alertColumns}
SELECT generateUUIDv4(), fired_at + toIntervalSecond(${Math.round(minutes * 60)}), alert_key, ${text(event)}, client_id, client_name, alert_type,
    severity, month, message, ${text(more.source ?? 'grafana')}, ${text(more.actor ?? '')}, ${text(more.channel ?? '')}, ${text(more.to ?? '')}, ${text(more.error ?? '')}, details,
    if(${text(event)} = 'fired', concat('https://alerts.example/a/', lower(hex(cityHash64(alert_key)))), '')
FROM ${firing} WHERE ${more.where ?? '1'}`;

const acknowledged = "cityHash64(alert_key) % 4 = 1 AND severity = 'warning'";

const alerts = [
  life('fired', 0),
  life('queued', 0, { source: 'sms', to: 'ada' }),
  life('sent', 0.05, { source: 'sms', to: 'ada' }),
  life('delivered', 0.15, { source: 'twilio', to: 'ada', where: 'cityHash64(alert_key) % 5 != 0' }),
  life('undelivered', 0.4, {
    source: 'twilio',
    to: 'bob',
    where: "alert_type = 'threshold' AND severity = 'critical'",
    error: '30003 Unreachable destination handset',
  }),
  life('acknowledged', 9, { source: 'person', actor: 'ada', channel: 'sms', where: acknowledged }),
];

/** Records that the ledger could not read, and the Collector's way of saying how it does. */
const rejected = `INSERT INTO usage_events_rejected (received_at, time, reason, usage_id, client_id, service, service_name, trace_id, span_id, attributes, resource_attributes, body)
SELECT now64(3, 'UTC') - toIntervalMinute(20 + number * 47), now64(9, 'UTC') - toIntervalMinute(20 + number * 47),
    ['usage.id is not a UUID', 'usage.quantity is not a decimal from 0 to 999999999999999 with at most 12 decimals', 'usage.service is missing'][number % 3 + 1],
    '', 'fir-auto', if(number % 3 = 2, '', 'openai'), 'assistant', '', '', map('usage.id', 'x'), map('service.name', 'assistant'), ''
FROM numbers(5)`;

/** The counters of the last two weeks, as the SDK exports them hour by hour (delta): the second witness says what the ledger says. */
const counters = ['requests', 'cost'].map(
  (
    metric,
  ) => `INSERT INTO otel_metrics_sum (ServiceName, MetricName, Attributes, StartTimeUnix, TimeUnix, Value, AggregationTemporality, IsMonotonic)
SELECT service_name, 'client_cost.${metric}', map('client.id', client_id, 'usage.service', service, 'usage.operation', operation),
    toStartOfHour(time) AS started, least(started + 3599, now('UTC')), ${metric === 'cost' ? 'toFloat64(sum(ifNull(cost, 0)))' : 'count()'}, 1, true
FROM usage_events WHERE time >= toDateTime64(toDate(now('UTC')) - 14, 9, 'UTC')
GROUP BY service_name, client_id, service, operation, started`,
);

/** What the Collector says about itself once a minute, a day long: a queue that fills for half an hour and empties, and spans refused meanwhile. */
const MINUTES = 1440;
const collector = [
  `INSERT INTO otel_metrics_gauge (ServiceName, MetricName, Attributes, StartTimeUnix, TimeUnix, Value)
SELECT 'otelcol', metric, map('exporter', exporter), now('UTC') - ${MINUTES * 60}, now('UTC') - ago * 60,
    if(metric LIKE '%capacity', 10000, if(exporter = 'clickhouse/usage', 1, 2.5) * (cityHash64(ago, exporter) % 6 + if(ago BETWEEN 260 AND 290, (290 - ago) * 40, 0)))
FROM (SELECT number AS ago FROM numbers(${MINUTES})) AS n
CROSS JOIN (SELECT arrayJoin(['otelcol_exporter_queue_size', 'otelcol_exporter_queue_capacity']) AS metric) AS m
CROSS JOIN (SELECT arrayJoin(['clickhouse/usage', 'clickhouse']) AS exporter) AS e`,
  `INSERT INTO otel_metrics_sum (ServiceName, MetricName, Attributes, StartTimeUnix, TimeUnix, Value, AggregationTemporality, IsMonotonic)
SELECT 'otelcol', 'otelcol_receiver_refused_spans', map('receiver', 'otlp'), now('UTC') - ${MINUTES * 60}, now('UTC') - ago * 60,
    if(ago < 270, 340, if(ago < 280, (280 - ago) * 34, 0)), 2, true
FROM (SELECT number AS ago FROM numbers(${MINUTES})) AS n`,
];

/** Statements in their order. Between the two lists the daily rollups are to be made, since nothing here arrives at the time it says. */
export const usage = (days: number): readonly string[] => [clients, events(days), rejected, ...counters, ...collector];
export const ALERTS: readonly string[] = alerts;

/** Whose month is looked at on the client's dashboard. */
export const CLIENT_SHOWN = 'birch-realty';
