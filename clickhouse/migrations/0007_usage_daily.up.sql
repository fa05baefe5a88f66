-- Rollups by day (UTC), always recomputed from the deduplicated ledger and never added to, so resends, late events,
-- corrections and deletions need no care.

-- The one definition of a day's figures, straight from the ledger. A text and no view: a view inside a view inside a view costs
-- more to plan than its rows cost to read.
{{define:figures}}
SELECT
    toDate(e.time, 'UTC') AS day,
    e.client_id AS client_id,
    e.service AS service,
    e.operation AS operation,
    e.provider AS provider,
    if(e.request_model != '', e.request_model, e.response_model) AS model,
    e.unit AS unit,
    count() AS requests,
    countIf(e.outcome = 'error') AS errors,
    sum(ifNull(e.input_tokens, 0)) AS input_tokens,
    sum(ifNull(e.output_tokens, 0)) AS output_tokens,
    sum(ifNull(e.cache_read_tokens, 0)) AS cache_read_tokens,
    sum(ifNull(e.cache_creation_tokens, 0)) AS cache_creation_tokens,
    sum(ifNull(e.reasoning_tokens, 0)) AS reasoning_tokens,
    sum(ifNull(e.audio_input_tokens, 0)) AS audio_input_tokens,
    sum(ifNull(e.audio_output_tokens, 0)) AS audio_output_tokens,
    sum(e.quantity) AS quantity,
    -- Amounts of another currency cannot be added: they count as unpriced until they are corrected.
    sum(if(e.currency = 'USD', ifNull(e.cost, toDecimal64(0, 12)), toDecimal64(0, 12))) AS cost,
    countIf(e.cost_source = 'unpriced' OR (e.cost IS NULL AND e.outcome != 'error') OR (e.cost IS NOT NULL AND e.currency != 'USD'))
        AS unpriced_requests,
    countIf(e.cost_source = 'estimated') AS estimated_requests
FROM {{db}}.usage_events AS e FINAL
WHERE e.is_deleted = 0
{{enddefine}}

CREATE VIEW IF NOT EXISTS {{db}}.usage_daily_computed{{on_cluster}} AS
{{use:figures}}
GROUP BY day, client_id, service, operation, provider, model, unit
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- Every refresh writes a day anew as one generation: its rows share one refreshed_at, and a row with an empty client marks
-- the day even when nothing is left in it. Readers take the newest generation of each day, so a row that a correction moved
-- elsewhere is gone, though its older generation is still stored.
CREATE TABLE IF NOT EXISTS {{db}}.usage_daily{{on_cluster}} (
    day Date,
    client_id LowCardinality(String),
    service LowCardinality(String),
    operation LowCardinality(String),
    provider LowCardinality(String),
    model LowCardinality(String),
    unit LowCardinality(String),
    requests UInt64,
    errors UInt64,
    input_tokens UInt64,
    output_tokens UInt64,
    cache_read_tokens UInt64,
    cache_creation_tokens UInt64,
    reasoning_tokens UInt64,
    audio_input_tokens UInt64,
    audio_output_tokens UInt64,
    quantity Decimal(38, 12),
    cost Decimal(38, 12),
    unpriced_requests UInt64,
    estimated_requests UInt64,
    refreshed_at DateTime64(6, 'UTC')
) ENGINE = {{engine_everywhere:ReplacingMergeTree(refreshed_at)}}
PARTITION BY toYYYYMM(day)
ORDER BY (client_id, day, service, operation, provider, model, unit)
SETTINGS index_granularity = 1024{{no_block_dedup}};

-- The days (UTC) that an event's arrival may change: its own and, for a correction, the day it may have come from. An earlier version
-- may be merged away already, so that day is read from the UUIDv7, an hour around it. An id of another UUID version says nothing.
{{define:touched_days}}
groupUniqArrayArray(arrayMap(
            t -> toDate(t, 'UTC'),
            if(version = 1 OR UUIDv7ToDateTime(usage_id, 'UTC') < toDateTime64('2000-01-01', 3, 'UTC'),
                [toDateTime64(time, 3, 'UTC')],
                [toDateTime64(time, 3, 'UTC'), UUIDv7ToDateTime(usage_id, 'UTC') - INTERVAL 1 HOUR, UUIDv7ToDateTime(usage_id, 'UTC') + INTERVAL 1 HOUR])
        ))
{{enddefine}}

-- What every report reads: days without new ledger rows since the last refresh from their rollup, all others from the ledger. So a
-- report is right as soon as the event is in the ledger, whatever its day. 30 seconds allow for an insert that was slow to become visible.
-- The list of stale days is a scalar, evaluated once: both halves see the same one. IN wants a function around it, here one that changes
-- nothing: it takes a bare name for a subquery, and has() of an empty list prunes no part, so that a fresh ledger would be read whole.
CREATE VIEW IF NOT EXISTS {{db}}.usage_daily_current{{on_cluster}} AS
WITH (
    SELECT {{use:touched_days}}
    FROM {{db}}.usage_events
    WHERE ingested_at >= (
        SELECT max(refreshed_at) - INTERVAL 30 SECOND FROM {{db}}.usage_daily WHERE client_id = '' AND service = 'refresh'
    )
) AS stale_days
SELECT *
FROM (
    {{use:figures}}
        AND toDate(e.time, 'UTC') IN arrayDistinct(stale_days)
    GROUP BY day, client_id, service, operation, provider, model, unit
    UNION ALL
    SELECT
        day, client_id, service, operation, provider, model, unit,
        requests, errors, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, reasoning_tokens,
        audio_input_tokens, audio_output_tokens, quantity, cost, unpriced_requests, estimated_requests
    FROM {{db}}.usage_daily FINAL
    WHERE client_id != ''
        AND day NOT IN arrayDistinct(stale_days)
        AND (day, refreshed_at) IN (SELECT day, max(refreshed_at) FROM {{db}}.usage_daily WHERE client_id = '' GROUP BY day)
)
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- Every minute (a setting): today, and every day that rows belong to which arrived since the last refresh; a minute more, for inserts that
-- were slow to become visible. After a pause, however long, it takes up where it stopped. The generation is taken before anything is
-- read, so a newer generation never holds older figures.
CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.usage_daily_refresh{{on_cluster}}
REFRESH EVERY {{refresh_seconds}} SECOND APPEND TO {{db}}.usage_daily AS
WITH
    (SELECT toTimeZone(now64(6), 'UTC')) AS generation,
    (
        SELECT arrayPushBack({{use:touched_days}}, toDate(now(), 'UTC'))
        FROM {{db}}.usage_events
        WHERE ingested_at >= (
            SELECT max(refreshed_at) - INTERVAL 1 MINUTE FROM {{db}}.usage_daily WHERE client_id = '' AND service = 'refresh'
        )
    ) AS days
SELECT figures.*, generation AS refreshed_at
FROM (
    SELECT * FROM {{db}}.usage_daily_computed WHERE has(days, day)
    UNION ALL
    SELECT arrayJoin(arrayDistinct(days)), '', 'refresh', '', '', '', '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
) AS figures;

-- Every hour: the last 35 days, whatever arrived. Older days: client-cost backfill.
CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.usage_daily_wide_refresh{{on_cluster}}
REFRESH EVERY 1 HOUR APPEND TO {{db}}.usage_daily AS
WITH
    (SELECT toTimeZone(now64(6), 'UTC')) AS generation,
    (SELECT arrayMap(n -> toDate(now(), 'UTC') - n, range(35))) AS days
SELECT figures.*, generation AS refreshed_at
FROM (
    SELECT * FROM {{db}}.usage_daily_computed WHERE has(days, day)
    UNION ALL
    SELECT arrayJoin(days), '', 'wide_refresh', '', '', '', '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
) AS figures;
