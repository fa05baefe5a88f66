SELECT version, cost, cost_source, (SELECT sum(requests) FROM usage_daily_current WHERE client_id = 't-correct') AS requests,
    (SELECT sum(cost) FROM usage_daily_current WHERE client_id = 't-correct') AS daily_cost
FROM usage_events_current WHERE client_id = 't-correct'
