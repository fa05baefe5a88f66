-- What was estimated beside what the provider then charged, per service and client: charges that were settled with a figure before it to compare with.
-- Straight from the ledger: few rows are wanted and nobody waits for them on a dashboard.
CREATE VIEW IF NOT EXISTS {{db}}.usage_settlement{{on_cluster}} AS
SELECT
    e.service AS service,
    e.client_id AS client_id,
    count() AS requests,
    countIf(e.cost_source = 'provider') AS provider_requests,
    countIf(e.cost_source = 'provider' AND e.cost IS NOT NULL AND e.estimated_cost IS NOT NULL) AS settled_requests,
    sumIf(ifNull(e.estimated_cost, toDecimal64(0, 12)), e.cost_source = 'provider' AND e.cost IS NOT NULL AND e.currency = 'USD') AS estimated_cost,
    sumIf(ifNull(e.cost, toDecimal64(0, 12)), e.cost_source = 'provider' AND e.estimated_cost IS NOT NULL AND e.currency = 'USD') AS settled_cost,
    settled_cost - estimated_cost AS difference
FROM {{db}}.usage_events_current AS e
WHERE e.time >= toDateTime64({first_day:Date}, 9, 'UTC') AND e.time < toDateTime64({last_day:Date} + 1, 9, 'UTC')
GROUP BY e.service, e.client_id;

-- What has no price, and why: most first.
CREATE VIEW IF NOT EXISTS {{db}}.usage_unpriced{{on_cluster}} AS
SELECT
    e.service AS service,
    e.operation AS operation,
    if(e.sku != '', toString(e.sku), toString(e.model)) AS item,
    if(e.unpriced_reason = '' AND e.cost IS NOT NULL, concat('its amount is in ', e.currency), toString(e.unpriced_reason)) AS reason,
    count() AS requests,
    min(e.time) AS first_time,
    max(e.time) AS last_time
FROM {{db}}.usage_events_current AS e
WHERE e.time >= toDateTime64({first_day:Date}, 9, 'UTC') AND e.time < toDateTime64({last_day:Date} + 1, 9, 'UTC')
    AND (e.cost_source = 'unpriced' OR (e.cost IS NULL AND e.outcome != 'error') OR (e.cost IS NOT NULL AND e.currency != 'USD'))
GROUP BY service, operation, item, reason
ORDER BY requests DESC, service, operation, item, reason;
