-- The ledger: one row per usage.id, kept for ever (no TTL).
--
-- The key holds nothing but usage.id (a UUIDv7 carries its own time, which orders it), so that a correction may change
-- any other column, the client and the time included, and still replaces its earlier version. Rows arrive about in the order of
-- their ids, so parts seldom overlap and FINAL has little to merge. An id of another UUID version works too (in the partition 197001).
CREATE TABLE IF NOT EXISTS {{db}}.{{local:usage_events}}{{on_cluster}} (
    usage_id UUID COMMENT 'usage.id: the same id twice is one charge',
    version UInt64 COMMENT 'usage.version: the highest one of an id counts',
    is_deleted UInt8 COMMENT 'usage.deleted: 1 takes the charge back',
    time DateTime64(9, 'UTC') COMMENT 'when the call ended' CODEC(Delta(8), ZSTD(1)),
    client_id LowCardinality(String) COMMENT 'client.id, or unattributed',
    service LowCardinality(String) COMMENT 'usage.service: who sends the bill',
    operation LowCardinality(String) COMMENT 'usage.operation',
    provider LowCardinality(String) COMMENT 'gen_ai.provider.name; empty for what is no model call',
    request_model LowCardinality(String) COMMENT 'gen_ai.request.model',
    response_model LowCardinality(String) COMMENT 'gen_ai.response.model',
    input_tokens Nullable(UInt64) COMMENT 'cached ones included',
    output_tokens Nullable(UInt64) COMMENT 'reasoning ones included',
    cache_read_tokens Nullable(UInt64),
    cache_creation_tokens Nullable(UInt64),
    reasoning_tokens Nullable(UInt64),
    audio_input_tokens Nullable(UInt64),
    audio_output_tokens Nullable(UInt64),
    service_tier LowCardinality(String) COMMENT 'openai.response.service_tier',
    quantity Decimal(38, 12) COMMENT 'usage.quantity',
    unit LowCardinality(String) COMMENT 'usage.unit',
    cost Nullable(Decimal(18, 12)) COMMENT 'cost.amount; NULL: unknown, never 0 for unknown',
    currency LowCardinality(String) COMMENT 'cost.currency; sums hold USD only',
    cost_source LowCardinality(String) COMMENT 'price_book, estimated, provider, unpriced',
    price_version LowCardinality(String) COMMENT 'cost.price_version',
    outcome LowCardinality(String) COMMENT 'ok, error, aborted',
    error_type LowCardinality(String),
    external_id String COMMENT 'the provider''s own id of the call',
    lead_id String,
    message_id String,
    flow_execution_id String,
    metadata String COMMENT 'JSON text',
    trace_id String,
    span_id String,
    service_name LowCardinality(String) COMMENT 'service.name of the resource: which of our services made the call',
    environment LowCardinality(String) COMMENT 'deployment.environment.name of the resource',
    unreadable Array(LowCardinality(String)) COMMENT 'attributes that were no token count and are NULL here',
    ingested_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    INDEX by_time time TYPE minmax GRANULARITY 1,
    INDEX by_ingested_at ingested_at TYPE minmax GRANULARITY 1
) ENGINE = {{engine:ReplacingMergeTree(version)}}
PARTITION BY toYYYYMM(UUIDv7ToDateTime(usage_id, 'UTC'))
ORDER BY (UUIDv7ToDateTime(usage_id, 'UTC'), usage_id)
SETTINGS index_granularity = 8192{{no_block_dedup}};

{{distributed:usage_events:cityHash64(usage_id)}}

-- The base of every query: the newest version of each id, without what was taken back.
-- An id never changes its partition, so partitions need no merging with each other.
CREATE VIEW IF NOT EXISTS {{db}}.usage_events_current{{on_cluster}} AS
SELECT *, toDate(time, 'UTC') AS day, if(request_model != '', request_model, response_model) AS model
FROM {{db}}.usage_events FINAL
WHERE is_deleted = 0
SETTINGS do_not_merge_across_partitions_select_final = 1;
