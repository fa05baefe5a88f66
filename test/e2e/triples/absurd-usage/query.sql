SELECT lead_id, input_tokens, output_tokens, cache_read_tokens, cost, cost_source, unreadable
FROM usage_events_current WHERE client_id = 't-absurd' ORDER BY time
