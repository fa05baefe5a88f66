SELECT client_id, severity, state, value, previous_cost, percent_change, same_days, message FROM client_alert_states(as_of = toDate('2026-06-10'))
WHERE alert_type = 'spike' AND client_id LIKE 'sp-%' AND month = '2026-06' ORDER BY client_id, severity DESC
