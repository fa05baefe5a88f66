SELECT * FROM (
  SELECT 'ledger' AS place, client_id AS client, operation, sku, toString(quantity) AS quantity, unit, outcome, cost, cost_source AS source, count() AS events
  FROM usage_events_current WHERE service = 'stripe' AND client_id LIKE 'stripe-%'
  GROUP BY ALL
  UNION ALL
  SELECT 'day', client_id, operation, '', toString(sum(quantity)), unit, '', sum(cost), '', sum(requests)
  FROM usage_daily_current WHERE service = 'stripe' AND client_id LIKE 'stripe-%' GROUP BY client_id, operation, unit
  UNION ALL
  SELECT 'month', client_id, '', '', toString(requests), '', '', stripe_cost, '', requests
  FROM usage_monthly WHERE client_id LIKE 'stripe-%'
  UNION ALL
  SELECT 'nobody', client_id, operation, '', toString(quantity), unit, '', cost, cost_source, count()
  FROM usage_events_current WHERE service = 'stripe' AND client_id = 'unattributed' GROUP BY ALL
)
ORDER BY indexOf(['ledger', 'day', 'month', 'nobody'], place), client, operation, sku, quantity, outcome, source
