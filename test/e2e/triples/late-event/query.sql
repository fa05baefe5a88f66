SELECT day, requests, cost FROM usage_daily_current WHERE client_id = 't-late' ORDER BY day
