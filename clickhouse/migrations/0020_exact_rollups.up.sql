-- Rollups that stay exact when a charge moves between days for the second time, a refresh is cut off, an insert is slow or the server's clock is set
-- back; and a ledger that survives a power cut.

-- Acknowledged means on disk, also when the power fails. ClickHouse leaves that to the kernel, about half a minute later. (Merged parts need it not: those
-- they are made of are kept for eight minutes.)
ALTER TABLE {{db}}.{{local:usage_events}}{{on_cluster}} MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE {{db}}.usage_updates{{on_cluster}} MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE {{db}}.usage_events_rejected{{on_cluster}} MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

-- The days of an id itself: of its UUIDv7, an hour around it. An id of another UUID version has none that matters.
{{define:id_days}}
[toDate(UUIDv7ToDateTime(usage_id, 'UTC') - INTERVAL 1 HOUR, 'UTC'), toDate(UUIDv7ToDateTime(usage_id, 'UTC') + INTERVAL 1 HOUR, 'UTC')]
{{enddefine}}

-- On which days charges were that their ids do not say: few, and never forgotten, though the version that was there is merged away. A
-- correction makes the reports of these days stale as well.
CREATE TABLE IF NOT EXISTS {{db}}.{{local:usage_strays}}{{on_cluster}} (
    usage_id UUID,
    day Date
) ENGINE = {{engine:ReplacingMergeTree}}
ORDER BY (usage_id, day)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1{{no_block_dedup}};

{{distributed:usage_strays:cityHash64(usage_id)}}

CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.usage_strays_mv{{on_cluster}} TO {{db}}.{{local:usage_strays}} AS
SELECT usage_id, toDate(time, 'UTC') AS day
FROM {{db}}.{{local:usage_events}}
WHERE NOT has({{use:id_days}}, toDate(time, 'UTC'));

-- Those that were there before; and once a day those of an insert that was cut off between both tables, and that nobody repeats.
CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.usage_strays_refresh{{on_cluster}}
REFRESH EVERY 1 DAY APPEND TO {{db}}.usage_strays AS
SELECT usage_id, toDate(time, 'UTC') AS day
FROM {{db}}.usage_events
WHERE NOT has({{use:id_days}}, toDate(time, 'UTC'));

-- The newest refresh that was written to its end. A refresh writes a part for each month; what was cut off in between must not count, or the days of the other
-- months would pass for fresh. So each of its marks says how many there are. Marks written before this migration say 0.
{{define:last_refresh}}
(
        SELECT max(g.generation)
        FROM (
            SELECT refreshed_at AS generation
            FROM {{db}}.usage_daily
            WHERE client_id = '' AND service = 'refresh'
            GROUP BY refreshed_at
            HAVING count() >= max(requests)
        ) AS g
    )
{{enddefine}}

-- The days (UTC) that rows of the ledger which arrived since then may change: their own, those of their ids, and where a charge was before. A first
-- version on a day of its id changes no other.
{{define:touched_days}}
(
        SELECT groupUniqArrayArray(touched.days)
        FROM (
            SELECT if(version = 1 AND has({{use:id_days}}, toDate(time, 'UTC')), [toDate(time, 'UTC')], arrayPushBack({{use:id_days}}, toDate(time, 'UTC'))) AS days
            FROM {{db}}.usage_events
            WHERE ingested_at >= since
            UNION ALL
            SELECT [day] AS days
            FROM {{db}}.usage_strays
            WHERE usage_id GLOBAL IN (
                SELECT usage_id
                FROM {{db}}.usage_events
                WHERE ingested_at >= since AND (version > 1 OR NOT has({{use:id_days}}, toDate(time, 'UTC')))
            )
        ) AS touched
    )
{{enddefine}}

-- The one definition of a day's figures (0007).
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
    sum(if(e.currency = 'USD', ifNull(e.cost, toDecimal64(0, 12)), toDecimal64(0, 12))) AS cost,
    countIf(e.cost_source = 'unpriced' OR (e.cost IS NULL AND e.outcome != 'error') OR (e.cost IS NOT NULL AND e.currency != 'USD'))
        AS unpriced_requests,
    countIf(e.cost_source = 'estimated') AS estimated_requests
FROM {{db}}.usage_events AS e FINAL
WHERE e.is_deleted = 0
{{enddefine}}

-- As in 0007. An insert becomes visible at most 180 seconds after its rows got their time of arrival, or its sender (the Collector's
-- exporter) has given up waiting and sends it again; 240 seconds allow for that.
CREATE OR REPLACE VIEW {{db}}.usage_daily_current{{on_cluster}} AS
WITH
    (SELECT {{use:last_refresh}} - INTERVAL 240 SECOND) AS since,
    {{use:touched_days}} AS stale_days
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

-- As in 0007; a minute more than the reports allow for. All of it is one block, so that a day is written whole or not at all. Where the clock was set back
-- the generation goes on from the last one.
ALTER TABLE {{db}}.usage_daily_refresh{{on_cluster}} MODIFY QUERY
WITH
    (
        SELECT greatest(toTimeZone(now64(6), 'UTC'), max(refreshed_at) + INTERVAL 1 MICROSECOND)
        FROM {{db}}.usage_daily
        WHERE client_id = '' AND service = 'refresh'
    ) AS generation,
    (SELECT {{use:last_refresh}} - INTERVAL 300 SECOND) AS since,
    (SELECT arrayDistinct(arrayPushBack({{use:touched_days}}, toDate(now(), 'UTC')))) AS days
SELECT figures.*, generation AS refreshed_at
FROM (
    SELECT * FROM {{db}}.usage_daily_computed WHERE has(days, day)
    UNION ALL
    SELECT arrayJoin(days), '', 'refresh', '', '', '', '', toUInt64(length(days)), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
) AS figures
SETTINGS min_insert_block_size_rows = 1000000000, min_insert_block_size_bytes = 1000000000000, max_insert_threads = 1;

-- Every hour: the last 35 days, whatever arrived, and every day that the rows of the last 25 hours belong to.
ALTER TABLE {{db}}.usage_daily_wide_refresh{{on_cluster}} MODIFY QUERY
WITH
    (SELECT toTimeZone(now64(6), 'UTC')) AS generation,
    (SELECT toTimeZone(now64(3), 'UTC') - INTERVAL 25 HOUR) AS since,
    (
        -- Two rows of the same version on different days: the later one counts, and the day of the other one is not in it.
        SELECT groupUniqArray(day)
        FROM {{db}}.usage_strays
        WHERE usage_id GLOBAL IN (
            SELECT usage_id FROM {{db}}.usage_events WHERE ingested_at >= since AND usage_id GLOBAL IN (SELECT usage_id FROM {{db}}.usage_strays)
        )
    ) AS stray_days,
    (SELECT arrayDistinct(arrayConcat({{use:touched_days}}, stray_days, arrayMap(n -> toDate(now(), 'UTC') - n, range(35))))) AS days
SELECT figures.*, generation AS refreshed_at
FROM (
    SELECT * FROM {{db}}.usage_daily_computed WHERE has(days, day)
    UNION ALL
    SELECT arrayJoin(days), '', 'wide_refresh', '', '', '', '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
) AS figures
SETTINGS min_insert_block_size_rows = 1000000000, min_insert_block_size_bytes = 1000000000000, max_insert_threads = 1;
