SELECT count() AS requests, sum(cost) AS cost, (SELECT sum(requests) FROM usage_daily_current WHERE client_id = 't-deleted') AS daily_requests
FROM usage_events_current WHERE client_id = 't-deleted'
