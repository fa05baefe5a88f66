SELECT client_id, severity, state, value, threshold, message FROM client_alert_states(as_of = toDate('2026-06-10'))
WHERE alert_type = 'threshold' AND client_id LIKE 'edge-%' AND month = '2026-06' ORDER BY client_id, severity DESC
