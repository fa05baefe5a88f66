SELECT as_of AS day, client_id, alert_type, severity, state, value FROM (
    SELECT '3rd' AS as_of, * FROM client_alert_states(as_of = toDate('2026-06-03'))
    UNION ALL SELECT '4th', * FROM client_alert_states(as_of = toDate('2026-06-04')))
WHERE client_id LIKE 'days-%' AND alert_type != 'threshold' AND month = '2026-06'
ORDER BY day, client_id, alert_type, severity DESC
