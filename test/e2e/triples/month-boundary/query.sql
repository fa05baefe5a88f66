SELECT toStartOfMonth(day) AS month, day, requests, cost FROM usage_daily_current WHERE client_id = 't-boundary' ORDER BY day
