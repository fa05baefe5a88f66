-- From log records to the ledger. usage_intake stores nothing (engine Null): it reads each usage record once and says
-- whether the record is readable; the two views behind it split the rows by that one verdict, so each row is in exactly one of
-- usage_events and usage_events_rejected. Nothing here can throw: one bad record must never block the batch it came in.
CREATE TABLE IF NOT EXISTS {{db}}.usage_intake{{on_cluster}} (
    reason LowCardinality(String),
    usage_id Nullable(UUID),
    version Nullable(UInt64),
    is_deleted UInt8,
    time DateTime64(9, 'UTC'),
    client_id String,
    service String,
    quantity Nullable(Decimal(38, 12)),
    unit String,
    cost Nullable(Decimal(18, 12)),
    currency String,
    trace_id String,
    span_id String,
    service_name String,
    body String,
    attributes Map(LowCardinality(String), String),
    resource_attributes Map(LowCardinality(String), String),
    ingested_at DateTime64(3, 'UTC')
) ENGINE = Null;

CREATE TABLE IF NOT EXISTS {{db}}.usage_events_rejected{{on_cluster}} (
    received_at DateTime64(3, 'UTC'),
    time DateTime64(9, 'UTC'),
    reason LowCardinality(String),
    usage_id String COMMENT 'as it came',
    client_id String,
    service String,
    service_name LowCardinality(String),
    trace_id String,
    span_id String,
    attributes Map(LowCardinality(String), String) COMMENT 'all attributes as they came',
    resource_attributes Map(LowCardinality(String), String),
    body String
) ENGINE = {{engine_everywhere:MergeTree}}
PARTITION BY toYYYYMM(received_at)
ORDER BY received_at
SETTINGS index_granularity = 8192{{no_block_dedup}};

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.usage_events_mv{{on_cluster}} TO {{db}}.usage_events AS
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

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.usage_events_rejected_mv{{on_cluster}} TO {{db}}.usage_events_rejected AS
SELECT
    ingested_at AS received_at,
    time,
    reason,
    attributes['usage.id'] AS usage_id,
    client_id,
    service,
    service_name,
    trace_id,
    span_id,
    attributes,
    resource_attributes,
    body
FROM {{db}}.usage_intake
WHERE reason != '';

-- Created last: until it exists nothing enters, so no record can pass only half of the way.
CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.usage_intake_mv{{on_cluster}} TO {{db}}.usage_intake AS
WITH
    LogAttributes['usage.id'] AS raw_id,
    LogAttributes['usage.version'] AS raw_version,
    LogAttributes['usage.quantity'] AS raw_quantity,
    LogAttributes['cost.amount'] AS raw_cost,
    UUIDv7ToDateTime(ifNull(usage_id, toUUID('00000000-0000-0000-0000-000000000000')), 'UTC') AS id_time,
    toTimeZone(now64(3), 'UTC') AS received,
    received - INTERVAL 5 YEAR AS oldest,
    received + INTERVAL 1 DAY AS newest
SELECT
    multiIf(
        raw_id = '', 'usage.id is missing',
        usage_id IS NULL OR usage_id = toUUID('00000000-0000-0000-0000-000000000000'), 'usage.id is not a UUID',
        version IS NULL OR version = 0, 'usage.version is not a whole number from 1 up',
        service = '', 'usage.service is missing',
        time < oldest, 'the time is missing or more than five years ago',
        time > newest, 'the time is more than one day in the future',
        -- UUIDs of another version have the time 0.
        id_time > newest, 'usage.id is a UUIDv7 from more than one day in the future',
        id_time < oldest AND toUnixTimestamp64Milli(id_time) != 0, 'usage.id is a UUIDv7 from more than five years ago',
        quantity IS NULL, 'usage.quantity is not a decimal from 0 to 999999999999999 with at most 12 decimals',
        raw_cost != '' AND cost IS NULL, 'cost.amount is not a decimal from 0 to 999999.999999999999 with at most 12 decimals',
        '') AS reason,
    toUUIDOrNull(raw_id) AS usage_id,
    if(raw_version = '', 1, toUInt64OrNull(raw_version)) AS version,
    LogAttributes['usage.deleted'] IN ('true', '1') AS is_deleted,
    toTimeZone(Timestamp, 'UTC') AS time,
    if(LogAttributes['client.id'] = '', 'unattributed', LogAttributes['client.id']) AS client_id,
    LogAttributes['usage.service'] AS service,
    multiIf(
        raw_quantity = '', toDecimal128OrNull('1', 12),
        match(raw_quantity, '^[0-9]{1,15}(\\.[0-9]{1,12}0{0,20})?$'), toDecimal128OrNull(raw_quantity, 12),
        NULL) AS quantity,
    if(LogAttributes['usage.unit'] = '', 'request', LogAttributes['usage.unit']) AS unit,
    if(match(raw_cost, '^[0-9]{1,6}(\\.[0-9]{1,12}0{0,20})?$'), toDecimal64OrNull(raw_cost, 12), NULL) AS cost,
    if(LogAttributes['cost.currency'] = '', 'USD', upper(LogAttributes['cost.currency'])) AS currency,
    TraceId AS trace_id,
    SpanId AS span_id,
    ServiceName AS service_name,
    Body AS body,
    LogAttributes AS attributes,
    ResourceAttributes AS resource_attributes,
    received AS ingested_at
FROM {{db}}.otel_logs
WHERE EventName = 'client_cost.usage' OR (EventName = '' AND LogAttributes['event.name'] = 'client_cost.usage');
