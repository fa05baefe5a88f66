SELECT client_id, client_name, alert_type, severity, state, toString(threshold) AS threshold FROM client_alert_states(as_of = toDate('2026-06-30'))
WHERE client_id LIKE 'own-%' AND month = '2026-06' ORDER BY client_id, alert_type, severity DESC
