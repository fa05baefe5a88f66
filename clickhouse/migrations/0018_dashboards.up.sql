-- What only the dashboards need. Everything else they show comes from the views of the command.

-- Who can be chosen on the client's dashboard: everyone with a row, and everyone who used anything. The label is the name; the id is
-- added where several clients share a name, and stands alone where there is none. From the stored rollup: a list may be a minute old.
CREATE VIEW IF NOT EXISTS {{db}}.client_list{{on_cluster}} AS
SELECT
    client_id,
    multiIf(client_id = 'unattributed', 'Usage without a client', name = '', client_id, count() OVER (PARTITION BY name) > 1, concat(name, ' (', client_id, ')'), name) AS label,
    active
FROM (
    SELECT id AS client_id, max(client_name) AS name, min(is_active) AS active
    FROM (
        SELECT id, name AS client_name, active AS is_active FROM {{db}}.clients_current
        UNION ALL
        SELECT DISTINCT toString(client_id), '', true FROM {{db}}.usage_daily WHERE client_id != ''
    )
    GROUP BY id
);

-- Cost per client and day, without gaps: the sparklines of the table of clients.
CREATE VIEW IF NOT EXISTS {{db}}.client_day_costs{{on_cluster}} AS
SELECT day, client_id, sum(c) AS cost
FROM (
    SELECT u.day AS day, u.client_id AS client_id, u.total_cost AS c
    FROM {{db}}.usage_client_days AS u
    WHERE u.day BETWEEN {first_day:Date} AND {last_day:Date}
    UNION ALL
    SELECT
        arrayJoin(arrayMap(n -> {first_day:Date} + n, range(toUInt32({last_day:Date} - {first_day:Date} + 1)))) AS day,
        k.client_id AS client_id,
        toDecimal128(0, 12) AS c
    FROM (SELECT DISTINCT client_id FROM {{db}}.usage_client_days WHERE day BETWEEN {first_day:Date} AND {last_day:Date}) AS k
)
GROUP BY day, client_id
ORDER BY day, client_id;

-- One client's month as of a day (UTC, included): always one row, with zeros where nothing was used. Figures of current_month.
CREATE VIEW IF NOT EXISTS {{db}}.client_month{{on_cluster}} AS
SELECT
    {client_id:String} AS client_id,
    {as_of:Date} AS as_of,
    sum(m.cost) AS cost,
    toUInt8(toDayOfMonth({as_of:Date})) AS day_of_month,
    toUInt8(toDayOfMonth(toLastDayOfMonth({as_of:Date}))) AS days_in_month,
    toUInt8(days_in_month - day_of_month) AS days_remaining,
    sum(m.daily_average) AS daily_average,
    sum(m.projected_cost) AS projected_cost,
    sum(m.requests) AS requests,
    sum(m.unpriced_requests) AS unpriced_requests,
    sum(m.estimated_requests) AS estimated_requests,
    if(requests = 0, NULL, unpriced_requests * 100 / requests) AS unpriced_percent,
    if(requests = 0, NULL, estimated_requests * 100 / requests) AS estimated_percent
FROM {{db}}.current_month(as_of = {as_of:Date}) AS m
WHERE m.client_id = {client_id:String};

-- Every day of the month of as_of: what was spent until as_of, and what is to be expected to the month's end: the daily average of current_month, a
-- day. What is expected begins at as_of itself, where expected_sum equals cost_sum: both are drawn as one line. A month that is over expects nothing.
CREATE VIEW IF NOT EXISTS {{db}}.client_month_days{{on_cluster}} AS
WITH
    toStartOfMonth({as_of:Date}) AS first_day,
    (SELECT sum(daily_average) FROM {{db}}.current_month(as_of = {as_of:Date}) WHERE client_id = {client_id:String}) AS average
SELECT
    d.day AS day,
    toUInt8(toDayOfMonth(d.day)) AS day_of_month,
    if(d.day <= {as_of:Date}, d.day_cost, NULL) AS cost,
    if(d.day >= {as_of:Date} AND {as_of:Date} < toLastDayOfMonth({as_of:Date}), average, NULL) AS expected_cost,
    if(d.day <= {as_of:Date}, sum(d.day_cost) OVER (ORDER BY d.day), NULL) AS cost_sum,
    if(d.day >= {as_of:Date} AND {as_of:Date} < toLastDayOfMonth({as_of:Date}), sum(if(d.day > {as_of:Date}, average, d.day_cost)) OVER (ORDER BY d.day), NULL) AS expected_sum
FROM (
    SELECT day, sum(c) AS day_cost
    FROM (
        SELECT u.day AS day, u.cost AS c
        FROM {{db}}.usage_daily_current AS u
        WHERE u.client_id = {client_id:String} AND u.day BETWEEN toStartOfMonth({as_of:Date}) AND {as_of:Date}
        UNION ALL
        SELECT arrayJoin(arrayMap(n -> first_day + n, range(toUInt32(toDayOfMonth(toLastDayOfMonth({as_of:Date})))))), toDecimal128(0, 12)
    )
    GROUP BY day
) AS d
ORDER BY day;

-- The newest 50 calls of one client in a period, straight from the ledger.
CREATE VIEW IF NOT EXISTS {{db}}.client_recent_calls{{on_cluster}} AS
SELECT
    e.time AS time, e.service AS service, e.operation AS operation, e.model AS model, e.outcome AS outcome, e.error_type AS error_type,
    e.input_tokens AS input_tokens, e.output_tokens AS output_tokens, e.quantity AS quantity, e.unit AS unit,
    e.cost AS cost, e.currency AS currency, e.cost_source AS cost_source, e.trace_id AS trace_id, e.usage_id AS usage_id
FROM {{db}}.usage_events_current AS e
WHERE e.client_id = {client_id:String}
    AND e.time >= toDateTime64({first_day:Date}, 9, 'UTC') AND e.time < toDateTime64({last_day:Date} + 1, 9, 'UTC')
ORDER BY e.time DESC, e.usage_id
LIMIT 50;

-- Operations of all clients over a period, dearest first.
CREATE VIEW IF NOT EXISTS {{db}}.top_operations{{on_cluster}} AS
SELECT
    d.service AS service,
    d.operation AS operation,
    sum(d.requests) AS requests,
    sum(d.errors) AS errors,
    sum(d.cost) AS cost,
    sum(d.unpriced_requests) AS unpriced_requests
FROM {{db}}.usage_daily_current AS d
WHERE d.day BETWEEN {first_day:Date} AND {last_day:Date}
GROUP BY d.service, d.operation
ORDER BY cost DESC, requests DESC, service, operation;
