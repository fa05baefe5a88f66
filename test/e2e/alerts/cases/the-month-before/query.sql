SELECT month, alert_type, severity, state, value, current_cost, previous_cost, projected_cost, message FROM client_alert_states(as_of = toDate('2026-06-01'))
WHERE client_id = 'over' ORDER BY month, alert_type, severity DESC
