SELECT alert_type, severity, state, value, threshold, message FROM client_alert_states(as_of = toDate('2026-06-10'))
WHERE client_id = 'large' AND month = '2026-06' ORDER BY alert_type, severity DESC
