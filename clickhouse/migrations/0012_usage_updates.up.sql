-- What the later services need of a row: what the price list calls it, what the provider said in another currency, what was recorded before the
-- provider's own figure. And usage_updates: later reports about a charge by a process that does not know its usage.id.
{{define:columns}}
ADD COLUMN IF NOT EXISTS cache_read_audio_tokens Nullable(UInt64) COMMENT 'part of cache_read_tokens and of audio_input_tokens' AFTER audio_output_tokens,
    ADD COLUMN IF NOT EXISTS sku LowCardinality(String) COMMENT 'usage.sku: what the price list of the provider calls it' AFTER unit,
    ADD COLUMN IF NOT EXISTS estimated_cost Nullable(Decimal(18, 12)) COMMENT 'cost.estimated_amount: what was recorded before the figure of the provider' AFTER cost,
    ADD COLUMN IF NOT EXISTS original_cost Nullable(Decimal(38, 12)) COMMENT 'cost.original_amount: what the provider said in original_currency' AFTER currency,
    ADD COLUMN IF NOT EXISTS original_currency LowCardinality(String) COMMENT 'cost.original_currency' AFTER original_cost,
    ADD COLUMN IF NOT EXISTS unpriced_reason LowCardinality(String) COMMENT 'cost.unpriced_reason: why there is no cost' AFTER cost_source,
    ADD COLUMN IF NOT EXISTS is_standalone UInt8 COMMENT '1: made of an update whose charge has not arrived' AFTER is_deleted
{{enddefine}}

ALTER TABLE {{db}}.{{local:usage_events}}{{on_cluster}} {{use:columns}};

{{alter_distributed:usage_events:{{use:columns}}}}

-- Updates find their charge by the provider's own id. Parts written before have no such index and are read whole.
ALTER TABLE {{db}}.{{local:usage_events}}{{on_cluster}} ADD INDEX IF NOT EXISTS by_external_id external_id TYPE bloom_filter(0.001) GRANULARITY 4;

CREATE OR REPLACE VIEW {{db}}.usage_events_current{{on_cluster}} AS
SELECT *, toDate(time, 'UTC') AS day, if(request_model != '', request_model, response_model) AS model
FROM {{db}}.usage_events FINAL
WHERE is_deleted = 0
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- The newest report about a charge. A small table that every node holds whole: the charge may be on any shard.
CREATE TABLE IF NOT EXISTS {{db}}.usage_updates{{on_cluster}} AS {{db}}.{{local:usage_events}}
ENGINE = {{engine_everywhere:ReplacingMergeTree(version)}}
ORDER BY (service, external_id)
SETTINGS index_granularity = 8192{{no_block_dedup}};

-- Without an external id it cannot find a charge: it is one itself.
{{define:is_update}}
(attributes['usage.update'] IN ('true', '1') AND attributes['usage.external_id'] != '')
{{enddefine}}

{{define:event}}
WITH
    attributes['gen_ai.usage.input_tokens'] AS t_input,
    attributes['gen_ai.usage.output_tokens'] AS t_output,
    attributes['gen_ai.usage.cache_read.input_tokens'] AS t_cache_read,
    attributes['gen_ai.usage.cache_creation.input_tokens'] AS t_cache_creation,
    attributes['gen_ai.usage.reasoning.output_tokens'] AS t_reasoning,
    attributes['gen_ai.usage.audio.input_tokens'] AS t_audio_input,
    attributes['gen_ai.usage.audio.output_tokens'] AS t_audio_output,
    attributes['gen_ai.usage.cache_read.audio.input_tokens'] AS t_cache_read_audio,
    attributes['cost.estimated_amount'] AS raw_estimated,
    attributes['cost.original_amount'] AS raw_original,
    -- Up to 15 digits: no sum of counts can overflow, and no call has that many.
    x -> if(length(x) <= 15, toUInt64OrNull(x), NULL) AS to_count
SELECT
    assumeNotNull(usage_id) AS usage_id,
    assumeNotNull(version) AS version,
    is_deleted,
    toUInt8(0) AS is_standalone,
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
    to_count(t_cache_read_audio) AS cache_read_audio_tokens,
    attributes['openai.response.service_tier'] AS service_tier,
    assumeNotNull(quantity) AS quantity,
    unit,
    attributes['usage.sku'] AS sku,
    cost,
    if(match(raw_estimated, '^[0-9]{1,6}(\\.[0-9]{1,12}0{0,20})?$'), toDecimal64OrNull(raw_estimated, 12), NULL) AS estimated_cost,
    currency,
    if(match(raw_original, '^[0-9]{1,15}(\\.[0-9]{1,12}0{0,20})?$'), toDecimal128OrNull(raw_original, 12), NULL) AS original_cost,
    upper(attributes['cost.original_currency']) AS original_currency,
    attributes['cost.source'] AS cost_source,
    attributes['cost.unpriced_reason'] AS unpriced_reason,
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
    arrayMap(p -> p.1, arrayFilter(p -> p.2 != '' AND p.3, [
        ('gen_ai.usage.input_tokens', t_input, input_tokens IS NULL),
        ('gen_ai.usage.output_tokens', t_output, output_tokens IS NULL),
        ('gen_ai.usage.cache_read.input_tokens', t_cache_read, cache_read_tokens IS NULL),
        ('gen_ai.usage.cache_creation.input_tokens', t_cache_creation, cache_creation_tokens IS NULL),
        ('gen_ai.usage.reasoning.output_tokens', t_reasoning, reasoning_tokens IS NULL),
        ('gen_ai.usage.audio.input_tokens', t_audio_input, audio_input_tokens IS NULL),
        ('gen_ai.usage.audio.output_tokens', t_audio_output, audio_output_tokens IS NULL),
        ('gen_ai.usage.cache_read.audio.input_tokens', t_cache_read_audio, cache_read_audio_tokens IS NULL),
        ('cost.estimated_amount', raw_estimated, estimated_cost IS NULL),
        ('cost.original_amount', raw_original, original_cost IS NULL)
    ])) AS unreadable,
    ingested_at
FROM {{db}}.usage_intake
WHERE reason = ''
{{enddefine}}

-- First the way for updates, then the end of the old one: in between one goes both ways, and neither is lost.
CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.usage_updates_mv{{on_cluster}} TO {{db}}.usage_updates AS
{{use:event}} AND {{use:is_update}};

ALTER TABLE {{db}}.usage_events_mv{{on_cluster}} MODIFY QUERY
{{use:event}} AND NOT {{use:is_update}};
