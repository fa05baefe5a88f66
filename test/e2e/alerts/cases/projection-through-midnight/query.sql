SELECT as_of, client_id, state, value, projected_cost, message FROM (
    SELECT '15th' AS as_of, * FROM client_alert_states(as_of = toDate('2026-06-15'))
    UNION ALL SELECT '16th', * FROM client_alert_states(as_of = toDate('2026-06-16'))
    UNION ALL SELECT '17th', * FROM client_alert_states(as_of = toDate('2026-06-17')))
WHERE client_id LIKE 'mid-%' AND alert_type = 'anomaly' AND month = '2026-06' ORDER BY as_of, client_id
