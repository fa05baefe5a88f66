-- The queries of 0007 again.
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

{{define:touched_days}}
groupUniqArrayArray(arrayMap(
            t -> toDate(t, 'UTC'),
            if(version = 1 OR UUIDv7ToDateTime(usage_id, 'UTC') < toDateTime64('2000-01-01', 3, 'UTC'),
                [toDateTime64(time, 3, 'UTC')],
                [toDateTime64(time, 3, 'UTC'), UUIDv7ToDateTime(usage_id, 'UTC') - INTERVAL 1 HOUR, UUIDv7ToDateTime(usage_id, 'UTC') + INTERVAL 1 HOUR])
        ))
{{enddefine}}

CREATE OR REPLACE VIEW {{db}}.usage_daily_current{{on_cluster}} AS
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

ALTER TABLE {{db}}.usage_daily_refresh{{on_cluster}} MODIFY QUERY
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

ALTER TABLE {{db}}.usage_daily_wide_refresh{{on_cluster}} MODIFY QUERY
WITH
    (SELECT toTimeZone(now64(6), 'UTC')) AS generation,
    (SELECT arrayMap(n -> toDate(now(), 'UTC') - n, range(35))) AS days
SELECT figures.*, generation AS refreshed_at
FROM (
    SELECT * FROM {{db}}.usage_daily_computed WHERE has(days, day)
    UNION ALL
    SELECT arrayJoin(days), '', 'wide_refresh', '', '', '', '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
) AS figures;

DROP VIEW IF EXISTS {{db}}.usage_strays_refresh{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.usage_strays_mv{{on_cluster}} SYNC;
{{drop_distributed:usage_strays}}
DROP TABLE IF EXISTS {{db}}.{{local:usage_strays}}{{on_cluster}} SYNC;

ALTER TABLE {{db}}.{{local:usage_events}}{{on_cluster}} RESET SETTING fsync_after_insert, fsync_part_directory;
ALTER TABLE {{db}}.usage_updates{{on_cluster}} RESET SETTING fsync_after_insert, fsync_part_directory;
ALTER TABLE {{db}}.usage_events_rejected{{on_cluster}} RESET SETTING fsync_after_insert, fsync_part_directory;
