-- One client over a period, first_day to last_day inclusive (UTC): every breakdown in one pass. Column section says which one a row belongs
-- to: total, service, day, operation or model.
CREATE VIEW IF NOT EXISTS {{db}}.client_usage{{on_cluster}} AS
SELECT
    multiIf(grouping(d.model) = 0, 'model', grouping(d.operation) = 0, 'operation', grouping(d.service) = 0, 'service',
        grouping(d.day) = 0, 'day', 'total') AS section,
    d.service AS service,
    d.day AS day,
    d.operation AS operation,
    d.provider AS provider,
    d.model AS model,
    sum(d.requests) AS requests,
    sum(d.errors) AS errors,
    sum(d.input_tokens) AS input_tokens,
    sum(d.output_tokens) AS output_tokens,
    sum(d.cache_read_tokens) AS cache_read_tokens,
    sum(d.reasoning_tokens) AS reasoning_tokens,
    sum(d.cost) AS cost,
    sum(d.unpriced_requests) AS unpriced_requests,
    sum(d.estimated_requests) AS estimated_requests
FROM {{db}}.usage_daily_current AS d
WHERE d.client_id = {client_id:String} AND d.day BETWEEN {first_day:Date} AND {last_day:Date}
GROUP BY GROUPING SETS ((), (d.service), (d.day), (d.service, d.operation), (d.service, d.provider, d.model));

CREATE VIEW IF NOT EXISTS {{db}}.client_usage_by_service{{on_cluster}} AS
SELECT
    service, requests, errors, input_tokens, output_tokens, cost,
    if(sum(cost) OVER () = 0, NULL, round(toFloat64(cost) * 100 / toFloat64(sum(cost) OVER ()), 2)) AS cost_share_percent,
    unpriced_requests, estimated_requests
FROM {{db}}.client_usage(client_id = {client_id:String}, first_day = {first_day:Date}, last_day = {last_day:Date})
WHERE section = 'service'
ORDER BY cost DESC, requests DESC, service;

-- Dense: a day without usage has its row, with zeros.
CREATE VIEW IF NOT EXISTS {{db}}.client_usage_by_day{{on_cluster}} AS
SELECT day, requests, errors, input_tokens, output_tokens, cost, unpriced_requests, estimated_requests
FROM {{db}}.client_usage(client_id = {client_id:String}, first_day = {first_day:Date}, last_day = {last_day:Date})
WHERE section = 'day'
ORDER BY day WITH FILL FROM {first_day:Date} TO {last_day:Date} + 1;

CREATE VIEW IF NOT EXISTS {{db}}.client_top_operations{{on_cluster}} AS
SELECT service, operation, requests, errors, cost, unpriced_requests, estimated_requests
FROM {{db}}.client_usage(client_id = {client_id:String}, first_day = {first_day:Date}, last_day = {last_day:Date})
WHERE section = 'operation'
ORDER BY cost DESC, requests DESC, service, operation
LIMIT 10;

CREATE VIEW IF NOT EXISTS {{db}}.client_usage_by_model{{on_cluster}} AS
SELECT
    service, provider, model, requests, errors, input_tokens, output_tokens, cache_read_tokens, reasoning_tokens, cost,
    unpriced_requests, estimated_requests
FROM {{db}}.client_usage(client_id = {client_id:String}, first_day = {first_day:Date}, last_day = {last_day:Date})
WHERE section = 'model' AND (model != '' OR provider != '')
ORDER BY cost DESC, requests DESC, service, model;

-- Every client's month so far, as of a day (UTC, that day included). The projection is: to date / day of month × days in month.
CREATE VIEW IF NOT EXISTS {{db}}.current_month{{on_cluster}} AS
SELECT
    c.client_id AS client_id,
    formatDateTime({as_of:Date}, '%Y-%m') AS month,
    {as_of:Date} AS as_of,
    sum(c.total_cost) AS cost,
    toUInt8(toDayOfMonth({as_of:Date})) AS day_of_month,
    toUInt8(toDayOfMonth(toLastDayOfMonth({as_of:Date}))) AS days_in_month,
    toUInt8(days_in_month - day_of_month) AS days_remaining,
    toDecimal128(round(toDecimal256(cost, 16) / day_of_month, 12), 12) AS daily_average,
    toDecimal128(round(toDecimal256(cost, 16) * days_in_month / day_of_month, 12), 12) AS projected_cost,
    sum(c.requests) AS requests,
    sum(c.unpriced_requests) AS unpriced_requests,
    sum(c.estimated_requests) AS estimated_requests
FROM {{db}}.usage_client_days AS c
WHERE c.day BETWEEN toStartOfMonth({as_of:Date}) AND {as_of:Date}
GROUP BY c.client_id;
