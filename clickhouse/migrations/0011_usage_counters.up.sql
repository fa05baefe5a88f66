-- The counters client_cost.* as a second witness of the ledger, from the Collector's metric table.
-- Cumulative series (the SDK's default) become increases: value minus the value before, starting anew when a process restarts (another
-- start time) or a value falls. Points sent twice count once. Times have whole seconds and an increase belongs to the day it was
-- exported on, so around midnight UTC the two can differ for the length of one export interval.
CREATE VIEW IF NOT EXISTS {{db}}.usage_counters{{on_cluster}} AS
SELECT
    toDate(at, 'UTC') AS day,
    client_id,
    sumIf(increase, metric = 'client_cost.cost') AS cost,
    round(sumIf(increase, metric = 'client_cost.requests')) AS requests,
    round(sumIf(increase, metric = 'client_cost.tokens' AND token_type IN ('input', 'output'))) AS tokens
FROM (
    SELECT
        metric, client_id, token_type, at,
        lagInFrame(toNullable(value)) OVER (PARTITION BY series, started ORDER BY at ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before,
        multiIf(
            temporality = 1, value,
            before IS NOT NULL, if(value >= before, value - before, value),
            -- The first point that is left of a series whose older points retention has removed says nothing about this day.
            toDate(started, 'UTC') < oldest_day, 0,
            value) AS increase
    FROM (
        SELECT
            MetricName AS metric,
            cityHash64(MetricName, ServiceName, mapSort(Attributes), mapSort(ResourceAttributes), AggregationTemporality) AS series,
            any(Attributes['client.id']) AS client_id,
            any(Attributes['gen_ai.token.type']) AS token_type,
            any(AggregationTemporality) AS temporality,
            StartTimeUnix AS started,
            TimeUnix AS at,
            if(temporality = 1, arraySum(groupUniqArray(Value)), max(Value)) AS value,
            (SELECT toDate(min(TimeUnix), 'UTC') FROM {{read:otel_metrics_sum}}) AS oldest_day
        FROM {{read:otel_metrics_sum}}
        WHERE MetricName IN ('client_cost.cost', 'client_cost.requests', 'client_cost.tokens')
        GROUP BY metric, series, started, at
    )
)
GROUP BY day, client_id;

-- Where ledger and counters differ. The ledger is the truth; a difference says that counters were lost, or that a process could not
-- deliver its events yet. cost_difference is counters minus ledger; below 1e-9 USD it is binary floats' own.
CREATE VIEW IF NOT EXISTS {{db}}.usage_ledger_vs_counters{{on_cluster}} AS
SELECT
    day,
    client_id,
    sum(l_cost) AS ledger_cost,
    sum(c_cost) AS counter_cost,
    counter_cost - toFloat64(ledger_cost) AS cost_difference,
    sum(l_requests) AS ledger_requests,
    toUInt64(greatest(sum(c_requests), 0)) AS counter_requests,
    sum(l_tokens) AS ledger_tokens,
    toUInt64(greatest(sum(c_tokens), 0)) AS counter_tokens,
    abs(cost_difference) > 1e-9 * greatest(1, toFloat64(ledger_cost)) OR ledger_requests != counter_requests OR ledger_tokens != counter_tokens
        AS differs
FROM (
    SELECT
        day, client_id,
        sum(cost) AS l_cost, sum(requests) AS l_requests, sum(input_tokens + output_tokens) AS l_tokens,
        toFloat64(0) AS c_cost, toFloat64(0) AS c_requests, toFloat64(0) AS c_tokens
    FROM {{db}}.usage_daily_current
    GROUP BY day, client_id
    UNION ALL
    SELECT day, client_id, toDecimal128(0, 12), toUInt64(0), toUInt64(0), cost, requests, tokens FROM {{db}}.usage_counters
)
GROUP BY day, client_id;
