SELECT as_of, cost, day_of_month, days_in_month, days_remaining, daily_average, projected_cost, requests
FROM (
    SELECT * FROM current_month(as_of = '2026-10-10')
    UNION ALL
    SELECT * FROM current_month(as_of = '2026-10-11')
)
WHERE client_id = 't-projection'
ORDER BY as_of
