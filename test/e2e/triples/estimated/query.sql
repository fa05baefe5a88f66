SELECT e.cost AS cost, e.cost_source AS cost_source, e.outcome AS outcome, d.requests AS requests, d.estimated_requests AS estimated_requests, d.errors AS errors
FROM usage_events_current AS e
JOIN usage_daily_current AS d ON d.client_id = e.client_id
WHERE e.client_id = 't-estimated'
