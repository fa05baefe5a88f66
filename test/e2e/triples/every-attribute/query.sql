SELECT usage_id, version, is_deleted, toString(time) AS time, client_id, service, operation, provider, request_model, response_model,
    input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, reasoning_tokens, audio_input_tokens, audio_output_tokens,
    service_tier, quantity, unit, cost, currency, cost_source, price_version, outcome, error_type, external_id,
    lead_id, message_id, flow_execution_id, metadata, trace_id, span_id, service_name, environment, unreadable, ingested_at
FROM usage_events_current
WHERE client_id = 't-every'
