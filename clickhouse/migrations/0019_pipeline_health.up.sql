-- What the dashboard of the pipeline shows. Times run from from_time (included) to to_time; step_seconds is the width of a point.

-- Charges by the time of their call. The delay is that of a charge's first version: a correction or settlement comes days later, and means no delay.
-- A service's clock may run ahead, so that a charge arrives before its call: that is no delay either. No delay at all: NULL.
{{define:charges}}
SELECT
    e.time AS time,
    e.cost_source = 'unpriced' OR (e.cost IS NULL AND e.outcome != 'error') OR (e.cost IS NOT NULL AND e.currency != 'USD') AS is_unpriced,
    if(e.version = 1 AND e.is_standalone = 0,
        greatest(dateDiff('millisecond', toDateTime64(e.time, 3, 'UTC'), e.ingested_at), 0) / 1000, NULL) AS delay,
    e.version = 1 AND dateDiff('millisecond', toDateTime64(e.time, 3, 'UTC'), e.ingested_at) < -5000 AS is_ahead
FROM {{db}}.usage_events AS e FINAL
WHERE e.is_deleted = 0 AND e.time >= {from_time:DateTime('UTC')} AND e.time < {to_time:DateTime('UTC')}
{{enddefine}}

-- A delay of nobody is NULL, not nan.
{{define:delays}}
if(countIf(isNotNull(c.delay)) = 0, NULL, quantileExactIf(0.5)(assumeNotNull(c.delay), isNotNull(c.delay))) AS delay_median,
    if(countIf(isNotNull(c.delay)) = 0, NULL, quantileExactIf(0.95)(assumeNotNull(c.delay), isNotNull(c.delay))) AS delay_p95,
    max(c.delay) AS delay_max
{{enddefine}}

-- Points without gaps. The first and the last one are shorter than the others where the range cuts them: the rate is that of what is left of them.
CREATE VIEW IF NOT EXISTS {{db}}.pipeline_flow{{on_cluster}} AS
SELECT
    toStartOfInterval(toDateTime(c.time, 'UTC'), toIntervalSecond({step_seconds:UInt32})) AS point,
    count() * 60 / greatest(1, dateDiff('second',
        greatest(point, toDateTime({from_time:DateTime('UTC')}, 'UTC')),
        least(point + toIntervalSecond({step_seconds:UInt32}), toDateTime({to_time:DateTime('UTC')}, 'UTC')))) AS events_per_minute,
    {{use:delays}}
FROM ({{use:charges}}) AS c
GROUP BY point
ORDER BY point WITH FILL
    FROM toStartOfInterval(toDateTime({from_time:DateTime('UTC')}, 'UTC'), toIntervalSecond({step_seconds:UInt32}))
    TO toDateTime({to_time:DateTime('UTC')}, 'UTC')
    STEP toIntervalSecond({step_seconds:UInt32})
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- The same of the whole range, always one row. unpriced_percent is what pipeline_alert_states compares, over another stretch of time.
CREATE VIEW IF NOT EXISTS {{db}}.pipeline_summary{{on_cluster}} AS
SELECT
    count() AS events,
    {{use:delays}},
    countIf(c.is_unpriced) AS unpriced,
    if(count() = 0, NULL, countIf(c.is_unpriced) * 100 / count()) AS unpriced_percent,
    countIf(c.is_ahead) AS ahead_of_time
FROM ({{use:charges}}) AS c
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- Rows that are in no sum, by reason. A row that was sent twice is there twice.
CREATE VIEW IF NOT EXISTS {{db}}.pipeline_rejections{{on_cluster}} AS
SELECT
    toString(r.reason) AS reason,
    count() AS rejected,
    arrayStringConcat(arraySort(groupUniqArray(5)(if(r.service_name = '', '?', toString(r.service_name)))), ', ') AS services,
    max(r.received_at) AS newest,
    argMax(r.usage_id, r.received_at) AS example
FROM {{db}}.usage_events_rejected AS r
WHERE r.received_at >= {from_time:DateTime('UTC')} AND r.received_at < {to_time:DateTime('UTC')}
GROUP BY r.reason
ORDER BY rejected DESC, reason;

-- How old what people read is, always one row; ages in seconds, NULL where there is nothing yet. An update waits until a version of its charge at
-- least as new as it is in the ledger (a minute at most, five where the charge itself is missing); looked at are updates of one day.
CREATE VIEW IF NOT EXISTS {{db}}.pipeline_freshness{{on_cluster}} AS
WITH
    toDateTime({at:DateTime('UTC')}, 'UTC') AS moment,
    (
        SELECT (nullIf(max(refreshed_at), toDateTime64(0, 6, 'UTC')), nullIf(maxIf(refreshed_at, service = 'wide_refresh'), toDateTime64(0, 6, 'UTC')))
        FROM {{db}}.usage_daily
        WHERE client_id = '' AND day >= toDate(moment, 'UTC') - 40
    ) AS refreshed,
    (SELECT nullIf(max(ingested_at), toDateTime64(0, 3, 'UTC')) FROM {{db}}.usage_events WHERE ingested_at <= moment + INTERVAL 1 SECOND) AS arrived,
    (
        SELECT groupUniqArray((toString(service), external_id))
        FROM {{db}}.usage_updates
        WHERE ingested_at > moment - INTERVAL 1 DAY AND ingested_at <= moment
    ) AS recent
SELECT
    if(isNull(arrived), NULL, greatest(dateDiff('second', assumeNotNull(arrived), moment), 0)) AS last_arrival_age,
    if(isNull(refreshed.1), NULL, greatest(dateDiff('second', assumeNotNull(refreshed.1), moment), 0)) AS rollup_age,
    if(isNull(refreshed.2), NULL, greatest(dateDiff('second', assumeNotNull(refreshed.2), moment), 0)) AS wide_rollup_age,
    countIf(waiting) AS updates_waiting,
    if(updates_waiting = 0, NULL, maxIf(age, waiting)) AS oldest_update_age
FROM (
    SELECT
        maxIf(version, kind = 'charge') < maxIf(version, kind = 'update') AS waiting,
        maxIf(dateDiff('second', ingested_at, moment), kind = 'update') AS age
    FROM (
        SELECT 'update' AS kind, toString(u.service) AS service, u.external_id AS external_id, u.version AS version, u.ingested_at AS ingested_at
        FROM {{db}}.usage_updates AS u FINAL
        WHERE (toString(u.service), u.external_id) IN arrayDistinct(recent)
        UNION ALL
        SELECT 'charge', toString(e.service), e.external_id, e.version, e.ingested_at
        FROM {{db}}.usage_events AS e
        WHERE (toString(e.service), e.external_id) IN arrayDistinct(recent)
    )
    GROUP BY service, external_id
);

-- Both witnesses by day (UTC), days without either included. Where no counters came in the whole period there is nothing to compare: NULL.
CREATE VIEW IF NOT EXISTS {{db}}.pipeline_counters{{on_cluster}} AS
SELECT
    day,
    sum(l) AS ledger_requests,
    if(sum(sum(c)) OVER () = 0, NULL, sum(c)) AS counter_requests,
    sum(l_cost) AS ledger_cost,
    if(sum(sum(c)) OVER () = 0, NULL, sum(c_cost)) AS counter_cost
FROM (
    SELECT v.day AS day, v.ledger_requests AS l, v.counter_requests AS c, v.ledger_cost AS l_cost, v.counter_cost AS c_cost
    FROM {{db}}.usage_ledger_vs_counters AS v
    WHERE v.day BETWEEN {first_day:Date} AND {last_day:Date}
    UNION ALL
    SELECT
        arrayJoin(arrayMap(n -> {first_day:Date} + n, range(toUInt32({last_day:Date} - {first_day:Date} + 1)))),
        toUInt64(0), toUInt64(0), toDecimal128(0, 12), toFloat64(0)
)
GROUP BY day
ORDER BY day;

-- The Collector's queues, from what it sends about itself once a minute. Several Collectors add up; of a point's readings the highest counts.
{{define:queue_readings}}
SELECT
    if(g.Attributes['exporter'] = 'clickhouse/usage', 'usage events', 'other telemetry') AS queue,
    g.MetricName AS metric,
    cityHash64(g.MetricName, g.ServiceName, mapSort(g.Attributes), mapSort(g.ResourceAttributes)) AS series,
    toDateTime(g.TimeUnix, 'UTC') AS at_time,
    g.Value AS reading
FROM {{read:otel_metrics_gauge}} AS g
WHERE g.MetricName IN ('otelcol_exporter_queue_size', 'otelcol_exporter_queue_capacity')
{{enddefine}}

CREATE VIEW IF NOT EXISTS {{db}}.collector_queues{{on_cluster}} AS
SELECT point, queue, sum(highest) AS waiting
FROM (
    SELECT toStartOfInterval(q.at_time, toIntervalSecond({step_seconds:UInt32})) AS point, q.queue AS queue, q.series AS series, max(q.reading) AS highest
    FROM ({{use:queue_readings}} AND g.TimeUnix >= {from_time:DateTime('UTC')} AND g.TimeUnix < {to_time:DateTime('UTC')}) AS q
    WHERE q.metric = 'otelcol_exporter_queue_size'
    GROUP BY point, queue, series
)
GROUP BY point, queue
ORDER BY point, queue;

-- The newest readings of ten minutes, always one row: NULL where no Collector told anything (a stack without one, or one that cannot reach ClickHouse).
CREATE VIEW IF NOT EXISTS {{db}}.collector_queue_now{{on_cluster}} AS
SELECT
    if(count() = 0, NULL, sumIf(newest, metric = 'otelcol_exporter_queue_size' AND queue = 'usage events')) AS usage_waiting,
    if(count() = 0, NULL, sumIf(newest, metric = 'otelcol_exporter_queue_size' AND queue != 'usage events')) AS telemetry_waiting,
    if(sumIf(newest, metric = 'otelcol_exporter_queue_capacity' AND queue = 'usage events') = 0, NULL,
        usage_waiting * 100 / sumIf(newest, metric = 'otelcol_exporter_queue_capacity' AND queue = 'usage events')) AS usage_full_percent
FROM (
    SELECT q.queue AS queue, q.metric AS metric, q.series AS series, argMax(q.reading, q.at_time) AS newest
    FROM ({{use:queue_readings}} AND g.TimeUnix > {at:DateTime('UTC')} - INTERVAL 10 MINUTE AND g.TimeUnix <= {at:DateTime('UTC')}) AS q
    GROUP BY queue, metric, series
);

-- What the Collector did not take or could not keep, per point; points without any are left out. Cumulative sums become increases as in usage_counters,
-- with the hour before the range read for the readings before. A series that begins later than that began with its first refusal: it counts whole.
-- refused: the sender is told, keeps the records and sends them again. failed: not in the queue, not written; of usage events it must stay 0.
CREATE VIEW IF NOT EXISTS {{db}}.collector_refusals{{on_cluster}} AS
WITH
    multiIf(
        before IS NOT NULL, if(reading >= before, reading - before, reading),
        at_time < {from_time:DateTime('UTC')}, 0,
        reading) AS increase
SELECT
    toStartOfInterval(at_time, toIntervalSecond({step_seconds:UInt32})) AS point,
    concat(if(metric LIKE 'otelcol_receiver_%', 'refused: ', 'failed: '), signal) AS what,
    sum(increase) AS items
FROM (
    SELECT
        metric, signal, at_time, reading,
        lagInFrame(toNullable(reading)) OVER (PARTITION BY series, started ORDER BY at_time ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before
    FROM (
        SELECT
            toString(s.MetricName) AS metric,
            multiIf(s.MetricName LIKE '%\\_log\\_records', 'log records', s.MetricName LIKE '%\\_spans', 'spans', 'metric points') AS signal,
            cityHash64(s.MetricName, s.ServiceName, mapSort(s.Attributes), mapSort(s.ResourceAttributes)) AS series,
            s.StartTimeUnix AS started,
            toDateTime(s.TimeUnix, 'UTC') AS at_time,
            max(s.Value) AS reading
        FROM {{read:otel_metrics_sum}} AS s
        WHERE s.MetricName IN (
                'otelcol_receiver_refused_log_records', 'otelcol_receiver_refused_spans', 'otelcol_receiver_refused_metric_points',
                'otelcol_exporter_enqueue_failed_log_records', 'otelcol_exporter_enqueue_failed_spans', 'otelcol_exporter_enqueue_failed_metric_points',
                'otelcol_exporter_send_failed_log_records', 'otelcol_exporter_send_failed_spans', 'otelcol_exporter_send_failed_metric_points')
            AND s.TimeUnix >= {from_time:DateTime('UTC')} - INTERVAL 1 HOUR AND s.TimeUnix < {to_time:DateTime('UTC')}
        GROUP BY metric, signal, series, started, at_time
    )
)
WHERE at_time >= {from_time:DateTime('UTC')} AND increase > 0
GROUP BY point, what
ORDER BY point, what;

-- The texts of an alert to a person: what happened last. A text that waits while its alert is acknowledged or resolved is not sent any more.
{{define:texts}}
SELECT
    a.alert_key AS alert_key,
    a.recipient AS recipient,
    argMax(a.event, (a.time, a.event != 'queued')) AS event,
    max(a.time) AS event_time,
    argMax(a.error, (a.time, a.event != 'queued')) AS error,
    argMax(a.message, a.time) AS message,
    argMax(a.client_name, a.time) AS client_name,
    argMax(a.severity, a.time) AS severity
FROM {{db}}.usage_alerts AS a FINAL
WHERE a.event IN ('queued', 'sent', 'delivered', 'undelivered', 'maybe_sent', 'failed', 'suppressed') AND a.recipient != ''
    AND a.time >= {from_time:DateTime('UTC')} AND a.time < {to_time:DateTime('UTC')}
GROUP BY a.alert_key, a.recipient
{{enddefine}}

{{define:closed}}
SELECT alert_key, maxIf(time, event IN ('acknowledged', 'resolved')) AS closed_at
FROM {{db}}.usage_alerts
WHERE time < {to_time:DateTime('UTC')}
GROUP BY alert_key
{{enddefine}}

-- Texts that reached nobody, or perhaps nobody, and those that wait: newest first.
CREATE VIEW IF NOT EXISTS {{db}}.sms_troubles{{on_cluster}} AS
SELECT
    t.event_time AS since,
    multiIf(t.event = 'queued', 'waiting', t.event = 'maybe_sent', 'maybe sent', 'not delivered') AS state,
    toString(t.recipient) AS recipient,
    t.client_name AS client_name,
    toString(t.severity) AS severity,
    t.message AS message,
    t.error AS error,
    t.alert_key AS alert_key
FROM ({{use:texts}}) AS t
LEFT JOIN ({{use:closed}}) AS k ON k.alert_key = t.alert_key
WHERE t.event IN ('undelivered', 'maybe_sent', 'failed') OR (t.event = 'queued' AND k.closed_at < t.event_time)
ORDER BY since DESC, alert_key, recipient;

-- Texts of the range in one row. seconds_to_delivery: from the moment an alert fired to its first delivered text.
CREATE VIEW IF NOT EXISTS {{db}}.sms_summary{{on_cluster}} AS
SELECT
    (SELECT count() FROM ({{use:texts}}) AS t LEFT JOIN ({{use:closed}}) AS k ON k.alert_key = t.alert_key
        WHERE t.event = 'queued' AND k.closed_at < t.event_time) AS waiting,
    countIf(event = 'maybe_sent') AS maybe_sent,
    countIf(event IN ('undelivered', 'failed')) AS not_delivered,
    countIf(event = 'delivered') AS delivered,
    (
        SELECT if(count() = 0, NULL, quantileExact(0.5)(dateDiff('millisecond', fired_at, first_delivered) / 1000))
        FROM (
            SELECT f.alert_key, f.time AS fired_at, min(d.time) AS first_delivered
            FROM {{db}}.usage_alerts AS f FINAL
            INNER JOIN (
                SELECT alert_key, time FROM {{db}}.usage_alerts FINAL
                WHERE event = 'delivered' AND time >= {from_time:DateTime('UTC')} AND time < {to_time:DateTime('UTC')}
            ) AS d ON d.alert_key = f.alert_key
            WHERE f.event = 'fired' AND f.time >= {from_time:DateTime('UTC')} AND f.time < {to_time:DateTime('UTC')} AND d.time >= f.time
            GROUP BY f.alert_key, f.time
        )
    ) AS seconds_to_delivery
FROM ({{use:texts}});
