SELECT as_of, state, value, same_days, message FROM (
    SELECT '10th' AS as_of, * FROM client_alert_states(as_of = toDate('2026-06-10'))
    UNION ALL SELECT '11th', * FROM client_alert_states(as_of = toDate('2026-06-11'))
    UNION ALL SELECT '12th', * FROM client_alert_states(as_of = toDate('2026-06-12')))
WHERE client_id = 'smid' AND alert_type = 'spike' AND severity = 'warning' AND month = '2026-06' ORDER BY as_of
