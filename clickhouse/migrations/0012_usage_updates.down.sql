-- The query of 0006 again; updates that arrive from now on would become charges of their own.
ALTER TABLE {{db}}.usage_events_mv{{on_cluster}} MODIFY QUERY
WITH
    attributes['gen_ai.usage.input_tokens'] AS t_input,
    attributes['gen_ai.usage.output_tokens'] AS t_output,
    attributes['gen_ai.usage.cache_read.input_tokens'] AS t_cache_read,
    attributes['gen_ai.usage.cache_creation.input_tokens'] AS t_cache_creation,
    attributes['gen_ai.usage.reasoning.output_tokens'] AS t_reasoning,
    attributes['gen_ai.usage.audio.input_tokens'] AS t_audio_input,
    attributes['gen_ai.usage.audio.output_tokens'] AS t_audio_output,
    -- Up to 15 digits: no sum of counts can overflow, and no call has that many.
    x -> if(length(x) <= 15, toUInt64OrNull(x), NULL) AS to_count
SELECT
    assumeNotNull(usage_id) AS usage_id,
    assumeNotNull(version) AS version,
    is_deleted,
    time,
    client_id,
    service,
    attributes['usage.operation'] AS operation,
    attributes['gen_ai.provider.name'] AS provider,
    attributes['gen_ai.request.model'] AS request_model,
    attributes['gen_ai.response.model'] AS response_model,
    to_count(t_input) AS input_tokens,
    to_count(t_output) AS output_tokens,
    to_count(t_cache_read) AS cache_read_tokens,
    to_count(t_cache_creation) AS cache_creation_tokens,
    to_count(t_reasoning) AS reasoning_tokens,
    to_count(t_audio_input) AS audio_input_tokens,
    to_count(t_audio_output) AS audio_output_tokens,
    attributes['openai.response.service_tier'] AS service_tier,
    assumeNotNull(quantity) AS quantity,
    unit,
    cost,
    currency,
    attributes['cost.source'] AS cost_source,
    attributes['cost.price_version'] AS price_version,
    if(attributes['usage.outcome'] = '', 'ok', attributes['usage.outcome']) AS outcome,
    attributes['error.type'] AS error_type,
    attributes['usage.external_id'] AS external_id,
    attributes['lead.id'] AS lead_id,
    attributes['message.id'] AS message_id,
    attributes['flow.execution.id'] AS flow_execution_id,
    attributes['usage.metadata'] AS metadata,
    trace_id,
    span_id,
    service_name,
    resource_attributes['deployment.environment.name'] AS environment,
    arrayMap(p -> p.1, arrayFilter(p -> p.2 != '' AND p.3 IS NULL, [
        ('gen_ai.usage.input_tokens', t_input, input_tokens),
        ('gen_ai.usage.output_tokens', t_output, output_tokens),
        ('gen_ai.usage.cache_read.input_tokens', t_cache_read, cache_read_tokens),
        ('gen_ai.usage.cache_creation.input_tokens', t_cache_creation, cache_creation_tokens),
        ('gen_ai.usage.reasoning.output_tokens', t_reasoning, reasoning_tokens),
        ('gen_ai.usage.audio.input_tokens', t_audio_input, audio_input_tokens),
        ('gen_ai.usage.audio.output_tokens', t_audio_output, audio_output_tokens)
    ])) AS unreadable,
    ingested_at
FROM {{db}}.usage_intake
WHERE reason = '';

DROP VIEW IF EXISTS {{db}}.usage_updates_mv{{on_cluster}} SYNC;
DROP TABLE IF EXISTS {{db}}.usage_updates{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.usage_events_current{{on_cluster}} SYNC;
ALTER TABLE {{db}}.{{local:usage_events}}{{on_cluster}} DROP INDEX IF EXISTS by_external_id;

{{define:columns}}
DROP COLUMN IF EXISTS cache_read_audio_tokens, DROP COLUMN IF EXISTS sku, DROP COLUMN IF EXISTS estimated_cost,
    DROP COLUMN IF EXISTS original_cost, DROP COLUMN IF EXISTS original_currency, DROP COLUMN IF EXISTS unpriced_reason, DROP COLUMN IF EXISTS is_standalone
{{enddefine}}
{{alter_distributed:usage_events:{{use:columns}}}}
ALTER TABLE {{db}}.{{local:usage_events}}{{on_cluster}} {{use:columns}};

CREATE VIEW IF NOT EXISTS {{db}}.usage_events_current{{on_cluster}} AS
SELECT *, toDate(time, 'UTC') AS day, if(request_model != '', request_model, response_model) AS model
FROM {{db}}.usage_events FINAL
WHERE is_deleted = 0
SETTINGS do_not_merge_across_partitions_select_final = 1;
