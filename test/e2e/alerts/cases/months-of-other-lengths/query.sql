SELECT as_of AS day, client_id, month, state, value, previous_cost, same_days FROM (
    SELECT '25-01-04' AS as_of, * FROM client_alert_states(as_of = toDate('2025-01-04'))
    UNION ALL SELECT '25-02-28', * FROM client_alert_states(as_of = toDate('2025-02-28'))
    UNION ALL SELECT '24-03-28', * FROM client_alert_states(as_of = toDate('2024-03-28'))
    UNION ALL SELECT '24-03-29', * FROM client_alert_states(as_of = toDate('2024-03-29')))
WHERE alert_type = 'spike' AND severity = 'warning' AND ((as_of = '25-01-04' AND client_id = 'year') OR (as_of = '25-02-28' AND client_id = 'feb' AND month = '2025-02') OR (as_of = '24-03-28' AND client_id = 'leap' AND month = '2024-03') OR (as_of = '24-03-29' AND client_id = 'leap'))
ORDER BY day, month
