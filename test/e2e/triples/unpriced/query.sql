SELECT model, requests, unpriced_requests, cost, (SELECT countIf(cost IS NULL) FROM usage_events_current WHERE client_id = 't-unpriced') AS null_costs
FROM usage_daily_current WHERE client_id = 't-unpriced' ORDER BY model
