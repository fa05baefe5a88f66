SELECT client_id, client_name, alert_type, severity, state, value FROM client_alert_states(as_of = toDate('2024-06-15'))
WHERE (client_id LIKE 'watch-%' OR client_id = 'unattributed') AND alert_type = 'threshold' AND month = '2024-06' AND severity = 'warning' ORDER BY client_id
