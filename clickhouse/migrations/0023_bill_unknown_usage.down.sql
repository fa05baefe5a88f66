-- The view of 0014 again.
CREATE OR REPLACE VIEW {{db}}.client_bill{{on_cluster}} AS
WITH
    (
        SELECT groupArray((
            toString(p.service), toString(p.operation), toString(p.unit), toString(p.sku), toString(p.model), p.valid_from, p.valid_to,
            p.usd_per_unit, p.usd_per_million_input, p.usd_per_million_output,
            -- The more it says, the closer it fits; then the later one.
            (p.sku != '' OR p.model != '') * 4 + (p.operation != '') * 2 + (p.unit != ''), p.updated_at
        ))
        FROM {{db}}.client_prices AS p FINAL
        WHERE p.client_id = {client_id:String} AND p.is_deleted = 0
    ) AS prices
SELECT
    if(grouping(b.service) = 0, 'line', 'total') AS section,
    b.service AS service,
    b.operation AS operation,
    b.item AS item,
    b.unit AS unit,
    b.priced_by AS priced_by,
    b.usd_per_unit AS usd_per_unit,
    b.usd_per_million_input AS usd_per_million_input,
    b.usd_per_million_output AS usd_per_million_output,
    sum(b.requests) AS requests,
    sum(b.quantity) AS quantity,
    sum(b.input_tokens) AS input_tokens,
    sum(b.output_tokens) AS output_tokens,
    sum(b.list_cost) AS list_cost,
    toDecimal128(round(sum(b.billed), 12), 12) AS billed_cost,
    sum(b.unpriced) AS unpriced_requests,
    (SELECT any(margin_percent) FROM {{db}}.clients_current WHERE id = {client_id:String}) AS margin_percent,
    (SELECT any(margin_fixed) FROM {{db}}.clients_current WHERE id = {client_id:String}) AS margin_fixed,
    if(section = 'total', toDecimal128(round(
        sum(b.billed) * toDecimal256(ifNull(margin_percent, 0), 4) * toDecimal256('0.01', 2) + toDecimal256(ifNull(margin_fixed, 0), 30), 12), 12),
        NULL) AS margin,
    if(section = 'total', toDecimal128(round(billed_cost + ifNull(margin, 0), 2), 2), NULL) AS total
FROM (
    SELECT
        u.service AS service, u.operation AS operation, u.item AS item, u.unit AS unit,
        u.requests AS requests, u.quantity AS quantity, u.input_tokens AS input_tokens, u.output_tokens AS output_tokens, u.list_cost AS list_cost,
        arraySort(p -> (-p.11, -toRelativeDayNum(p.6), -toUnixTimestamp64Micro(p.12)), arrayFilter(
            p -> p.1 = u.service AND p.2 IN ('', u.operation) AND p.3 IN ('', u.unit) AND p.4 IN ('', u.sku)
                AND p.5 IN ('', u.request_model, u.response_model) AND u.day >= p.6 AND u.day < p.7
                AND (isNotNull(p.8) OR u.input_tokens + u.output_tokens > 0),
            prices)) AS fitting,
        notEmpty(fitting) AS own,
        if(own, 'client', 'list') AS priced_by,
        if(own, fitting[1].8, NULL) AS usd_per_unit,
        if(own, fitting[1].9, NULL) AS usd_per_million_input,
        if(own, fitting[1].10, NULL) AS usd_per_million_output,
        if(own,
            toDecimal256(u.billable_quantity, 12) * toDecimal256(ifNull(usd_per_unit, 0), 12)
                + (toDecimal256(u.billable_input, 0) * toDecimal256(ifNull(usd_per_million_input, 0), 12)
                    + toDecimal256(u.billable_output, 0) * toDecimal256(ifNull(usd_per_million_output, 0), 12)) * toDecimal256('0.000001', 12),
            toDecimal256(u.list_cost, 24)) AS billed,
        if(own, 0, u.unpriced) AS unpriced
    FROM (
        SELECT
            e.day AS day, toString(e.service) AS service, toString(e.operation) AS operation, toString(e.sku) AS sku,
            toString(e.request_model) AS request_model, toString(e.response_model) AS response_model,
            if(e.sku != '', toString(e.sku), toString(e.model)) AS item, toString(e.unit) AS unit,
            (e.cost IS NULL AND e.outcome = 'error') OR ifNull(e.cost = 0, false) AS free,
            count() AS requests,
            sum(e.quantity) AS quantity,
            sum(ifNull(e.input_tokens, 0)) AS input_tokens,
            sum(ifNull(e.output_tokens, 0)) AS output_tokens,
            sumIf(e.quantity, NOT free) AS billable_quantity,
            sumIf(ifNull(e.input_tokens, 0), NOT free) AS billable_input,
            sumIf(ifNull(e.output_tokens, 0), NOT free) AS billable_output,
            sum(if(e.currency = 'USD', ifNull(e.cost, toDecimal64(0, 12)), toDecimal64(0, 12))) AS list_cost,
            countIf(e.cost_source = 'unpriced' OR (e.cost IS NULL AND e.outcome != 'error') OR (e.cost IS NOT NULL AND e.currency != 'USD')) AS unpriced
        FROM {{db}}.usage_events_current AS e
        WHERE e.client_id = {client_id:String}
            AND e.time >= toDateTime64(concat({month:String}, '-01 00:00:00'), 9, 'UTC')
            AND e.time < addMonths(toDateTime64(concat({month:String}, '-01 00:00:00'), 9, 'UTC'), 1)
        GROUP BY day, service, operation, sku, request_model, response_model, item, unit, free
        -- A month without usage has a total as well.
        UNION ALL
        SELECT toDate(concat({month:String}, '-01')), '', '', '', '', '', '', '', false, 0, 0, 0, 0, 0, 0, 0, 0, 0
    ) AS u
) AS b
GROUP BY GROUPING SETS ((), (b.service, b.operation, b.item, b.unit, b.priced_by, b.usd_per_unit, b.usd_per_million_input, b.usd_per_million_output))
HAVING section = 'total' OR service != ''
ORDER BY section, billed_cost DESC, service, operation, item, unit;
