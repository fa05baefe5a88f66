SELECT as_of, client_id, state, value, same_days FROM (
    SELECT '2026-06-05' AS as_of, * FROM client_alert_states(as_of = toDate('2026-06-05'))
    UNION ALL SELECT '2026-06-20', * FROM client_alert_states(as_of = toDate('2026-06-20')))
WHERE client_id LIKE 'new-%' AND alert_type = 'spike' AND severity = 'warning' AND month = '2026-06' AND (as_of = '2026-06-05' OR client_id = 'new-5th')
ORDER BY as_of, client_id
