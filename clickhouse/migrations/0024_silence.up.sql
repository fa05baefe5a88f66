-- pipeline_silent paged about events that were never late: a charge counted once for each of its versions, so that five calls that were settled passed for ten;
-- and storage of ten clients, dated to the day's midnight and recorded when the nightly measurement runs, was overdue every night until then.
CREATE OR REPLACE VIEW {{db}}.pipeline_alert_states{{on_cluster}} AS
WITH
    toDateTime64({at:DateTime('UTC')}, 3, 'UTC') AS moment
SELECT
    p.alert_type AS alert_type,
    p.severity AS severity,
    ifNull(p.state, 0) AS state,
    ifNull(p.value, 0) AS value,
    p.threshold AS threshold,
    ifNull(p.message, '') AS message
FROM (
    -- Silent: at least ten events are overdue by an hour or more. What was to come is what came in the same stretch of time (from the last event, at
    -- most a day ago, to an hour before now) one and two weeks ago, the fewer of both: nights, weekends and slow traffic are expected to be silent.
    -- A younger ledger is compared with one week and one day ago, in its first week with one and two days ago. Counted are charges, not rows: a correction
    -- is another row of its charge until both are merged. What is measured for a stretch of time (storage, numbers) is dated to its beginning, midnight,
    -- and recorded whenever it is measured: it belongs to no flow.
    WITH
        (
            SELECT max(time) FROM {{db}}.usage_events
            WHERE time > moment - INTERVAL 15 DAY AND time <= moment AND unit NOT IN ('gb_month', 'number_month')
        ) AS last_event,
        greatest(toDateTime64(last_event, 3, 'UTC'), moment - INTERVAL 1 DAY) AS silent_since,
        moment - INTERVAL 1 HOUR AS due,
        (
            SELECT (
                uniqExactIf(usage_id, time > silent_since - INTERVAL 1 DAY AND time <= due - INTERVAL 1 DAY),
                uniqExactIf(usage_id, time > silent_since - INTERVAL 2 DAY AND time <= due - INTERVAL 2 DAY),
                uniqExactIf(usage_id, time > silent_since - INTERVAL 7 DAY AND time <= due - INTERVAL 7 DAY),
                uniqExactIf(usage_id, time > silent_since - INTERVAL 14 DAY AND time <= due - INTERVAL 14 DAY))
            FROM {{db}}.usage_events
            WHERE unit NOT IN ('gb_month', 'number_month') AND (
                (time > moment - INTERVAL 3 DAY AND time <= due - INTERVAL 1 DAY)
                OR (time > moment - INTERVAL 8 DAY AND time <= due - INTERVAL 7 DAY)
                OR (time > moment - INTERVAL 15 DAY AND time <= due - INTERVAL 14 DAY))
        ) AS usual,
        (SELECT count() FROM (SELECT 1 FROM {{db}}.usage_events WHERE time < moment - INTERVAL 8 DAY LIMIT 1)) > 0 AS knows_a_week,
        (SELECT count() FROM (SELECT 1 FROM {{db}}.usage_events WHERE time < moment - INTERVAL 15 DAY LIMIT 1)) > 0 AS knows_two_weeks,
        multiIf(knows_two_weeks, least(usual.3, usual.4), knows_a_week, least(usual.1, usual.3), least(usual.1, usual.2)) AS overdue,
        dateDiff('minute', greatest(toDateTime64(last_event, 3, 'UTC'), moment - INTERVAL 15 DAY), moment) AS minutes
    SELECT
        'pipeline_silent' AS alert_type,
        'critical' AS severity,
        toUInt8(overdue >= 10) AS state,
        toFloat64(minutes) AS value,
        toFloat64(60) AS threshold,
        if(state = 1,
            concat('No usage events for ', toString(minutes), ' minutes; ', toString(overdue),
                ' usually came in that time. Check that services run, then the Collector; client-cost doctor says more'),
            if(minutes >= 21600, 'No usage events yet, or none for 15 days', concat('The last usage event is ', toString(minutes), ' minutes old')))
            AS message

    UNION ALL
    SELECT
        'pipeline_rejected', 'warning', toUInt8(count() > 0), toFloat64(count()), toFloat64(1),
        if(count() = 0, 'No usage event was rejected in the last hour',
            concat(toString(count()), if(count() = 1, ' usage event', ' usage events'), ' rejected in the last hour and not billed (',
                toString(topK(1)(reason)[1]), '). See usage_events_rejected; client-cost doctor says more'))
    FROM {{db}}.usage_events_rejected
    WHERE received_at > moment - INTERVAL 1 HOUR AND received_at <= moment

    UNION ALL
    SELECT
        'pipeline_unpriced', 'warning', toUInt8(requests >= 10 AND unpriced * 20 > requests), percent, toFloat64(5),
        concat(toString(round(percent, 1)), ' % of the ', toString(requests), ' requests of the last 24 hours have no price',
            if(requests >= 10 AND unpriced * 20 > requests, ': their cost is in no sum. See client-cost coverage, set prices with CLIENT_COST_PRICES', ''))
    FROM (
        SELECT
            count() AS requests,
            countIf(e.cost_source = 'unpriced' OR (e.cost IS NULL AND e.outcome != 'error') OR (e.cost IS NOT NULL AND e.currency != 'USD')) AS unpriced,
            if(requests = 0, 0, unpriced * 100 / requests) AS percent
        FROM {{db}}.usage_events AS e FINAL
        WHERE e.is_deleted = 0 AND e.time > moment - INTERVAL 1 DAY AND e.time <= moment
    )

    UNION ALL
    -- The last complete day (UTC), an hour after its end at the earliest. Compared is what both know: services that sent counters on that day, and
    -- of them operations of which nothing was reported a second time (callbacks, corrections and settlements count again in counters, and
    -- replace the charge in the ledger). Counters lie up to an export interval behind, so what came within two minutes of midnight is allowed for.
    SELECT
        'pipeline_counters', 'warning', toUInt8(apart), percent, toFloat64(1),
        multiIf(
            counted = 0, 'No counters arrived to compare the ledger with',
            apart, concat('Ledger and counters of ', toString(the_day), ' are ', toString(round(percent, 1)), ' % apart (ledger ', toString(requests),
                ' requests, counters ', toString(counted), '). If the ledger has fewer, events are lost or still in a spool: client-cost doctor; else counters are'),
            concat('Ledger and counters of ', toString(the_day), ' agree'))
    FROM (
        WITH
            toDate(moment - INTERVAL 1 HOUR, 'UTC') - 1 AS day_of_both,
            toDateTime64(day_of_both, 3, 'UTC') AS day_start,
            day_start + INTERVAL 1 DAY AS day_end
        SELECT
            day_of_both AS the_day,
            sum(o_requests) AS requests,
            toUInt64(greatest(round(sum(o_counted)), 0)) AS counted,
            abs(toInt64(requests) - toInt64(counted)) AS requests_apart,
            toFloat64(sum(o_cost)) AS cost,
            sum(o_counted_cost) AS counted_cost,
            abs(cost - counted_cost) AS cost_apart,
            if(counted = 0, 0, greatest(
                if(requests_apart > sum(o_near_requests), requests_apart * 100 / greatest(requests, counted), 0),
                if(cost_apart > toFloat64(sum(o_near_cost)) + 1e-9, cost_apart * 100 / greatest(cost, counted_cost), 0))) AS percent,
            percent >= 1 AS apart
        FROM (
            SELECT
                service_name,
                service,
                operation,
                sum(l_requests) AS o_requests,
                sum(l_cost) AS o_cost,
                sum(near_requests) AS o_near_requests,
                sum(near_cost) AS o_near_cost,
                sum(c_requests) AS o_counted,
                sum(c_cost) AS o_counted_cost,
                max(changed) AS was_changed,
                sum(sum(c_requests)) OVER (PARTITION BY service_name) AS counted_of_service
            FROM (
                SELECT
                    toString(e.service_name) AS service_name,
                    toString(e.service) AS service,
                    toString(e.operation) AS operation,
                    e.time >= day_start AND e.time < day_end AS inside,
                    toUInt64(inside) AS l_requests,
                    if(inside AND e.currency = 'USD', toDecimal128(ifNull(e.cost, 0), 12), toDecimal128(0, 12)) AS l_cost,
                    toUInt64(abs(dateDiff('second', e.time, day_start)) <= 120 OR abs(dateDiff('second', e.time, day_end)) <= 120) AS near_requests,
                    if(near_requests = 1 AND e.currency = 'USD', toDecimal128(ifNull(e.cost, 0), 12), toDecimal128(0, 12)) AS near_cost,
                    toFloat64(0) AS c_requests,
                    toFloat64(0) AS c_cost,
                    e.version > 1 AS changed
                FROM {{db}}.usage_events AS e FINAL
                WHERE e.time >= day_start - INTERVAL 2 MINUTE AND e.time <= day_end + INTERVAL 2 MINUTE AND (e.is_deleted = 0 OR e.version > 1)
                UNION ALL
                SELECT
                    service_name, service, operation, false, 0, toDecimal128(0, 12), 0, toDecimal128(0, 12),
                    if(metric = 'client_cost.requests', increase, 0), if(metric = 'client_cost.cost', increase, 0), false
                FROM (
                    -- What usage_counters says of each point, of a whole day at once: there are a million and more of them, too many to look at one by one.
                    -- A process that starts anew is another series. What a series had before the first point read here belongs to an earlier day.
                    SELECT
                        MetricName AS metric,
                        toString(ServiceName) AS service_name,
                        any(Attributes['usage.service']) AS service,
                        any(Attributes['usage.operation']) AS operation,
                        multiIf(
                            any(AggregationTemporality) = 1,
                            arraySum(p -> p.2, groupUniqArrayIf((TimeUnix, Value), AggregationTemporality = 1 AND TimeUnix >= toDateTime(day_start))),
                            countIf(TimeUnix < toDateTime(day_start)) > 0,
                            greatest(maxIf(Value, TimeUnix >= toDateTime(day_start)) - maxIf(Value, TimeUnix < toDateTime(day_start)), 0),
                            StartTimeUnix < toDateTime(day_start - INTERVAL 2 HOUR), max(Value) - min(Value),
                            max(Value)) AS increase
                    FROM {{read:otel_metrics_sum}}
                    WHERE MetricName IN ('client_cost.requests', 'client_cost.cost')
                        AND TimeUnix >= toDateTime(day_start - INTERVAL 2 HOUR) AND TimeUnix < toDateTime(day_end)
                    GROUP BY metric, service_name, cityHash64(Attributes, ResourceAttributes, AggregationTemporality), StartTimeUnix
                )
            )
            GROUP BY service_name, service, operation
        )
        WHERE counted_of_service > 0 AND NOT was_changed
    )

    UNION ALL
    -- An alert whose texts of the last 24 hours reached nobody, or a critical one whose text waits for ten minutes. Somebody who acknowledged knows; so
    -- does somebody who got the text, but not when it was then escalated. Texts about this very alert are left out: it would keep itself alive.
    SELECT
        'sms_undelivered', 'critical', toUInt8(count() > 0), toFloat64(count()), toFloat64(1),
        if(count() = 0, 'Texts of the last 24 hours arrived, or none was sent',
            concat('Texts of ', toString(count()), if(count() = 1, ' alert', ' alerts'), ' reached nobody (', arrayStringConcat(arraySlice(arraySort(groupArray(alert_key)), 1, 3), ', '),
                if(count() > 3, ', …', ''), '). Check the SMS service, its log and the Twilio console; look at the alerts themselves: client-cost alerts list'))
    FROM (
        SELECT
            alert_key,
            any(is_critical) AS critical,
            max(outcome_at) AS newest_outcome,
            max(acknowledged) AS acknowledged_at,
            max(resolved) AS resolved_at,
            max(queued) AS queued_at,
            max(escalated) AS escalated_at,
            countIf(outcome IN ('undelivered', 'maybe_sent', 'failed') AND outcome_at > moment - INTERVAL 1 DAY AND outcome_at >= acknowledged_before) AS lost,
            maxIf(outcome_at, outcome = 'delivered') AS delivered_at
        FROM (
            SELECT
                a.alert_key AS alert_key,
                a.recipient AS recipient,
                max(a.severity = 'critical') AS is_critical,
                argMaxIf(a.event, (a.time, a.event), a.event IN ('sent', 'delivered', 'undelivered', 'maybe_sent', 'failed')) AS outcome,
                maxIf(a.time, a.event IN ('sent', 'delivered', 'undelivered', 'maybe_sent', 'failed')) AS outcome_at,
                max(maxIf(a.time, a.event = 'acknowledged')) OVER (PARTITION BY a.alert_key) AS acknowledged_before,
                maxIf(a.time, a.event = 'acknowledged') AS acknowledged,
                maxIf(a.time, a.event = 'resolved') AS resolved,
                maxIf(a.time, a.event = 'queued') AS queued,
                maxIf(a.time, a.event = 'escalated') AS escalated
            FROM {{db}}.usage_alerts AS a FINAL
            WHERE a.alert_type != 'sms_undelivered' AND a.time > moment - INTERVAL 2 DAY AND a.time <= moment
            GROUP BY a.alert_key, a.recipient
        )
        GROUP BY alert_key
        HAVING (lost > 0 AND (delivered_at < moment - INTERVAL 1 DAY OR delivered_at < escalated_at))
            OR (critical AND queued_at > moment - INTERVAL 1 DAY AND queued_at <= moment - INTERVAL 10 MINUTE
                AND newest_outcome < queued_at AND acknowledged_at < queued_at AND resolved_at < queued_at)
    )
) AS p;
