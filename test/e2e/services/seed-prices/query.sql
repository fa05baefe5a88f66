SELECT * FROM (
  SELECT 'ledger' AS place, service, operation, concat(request_model, sku) AS item, quantity, unit, cost, cost_source AS source
  FROM usage_events_current WHERE client_id = 'seed'
  UNION ALL
  SELECT 'day', service, '', toString(day), sum(requests), 'events', sum(cost), ''
  FROM usage_daily_current WHERE client_id = 'seed' GROUP BY service, day
  UNION ALL
  SELECT 'month', '', '', month, requests, 'events', total_cost, ''
  FROM usage_monthly WHERE client_id = 'seed'
)
ORDER BY indexOf(['ledger', 'day', 'month'], place), service, operation, item
