-- Updates find their charge by the provider's own id and become its next version: id, client, context and time stay those of the charge, the figures
-- are those of the update. An update whose charge has not arrived waits; then it becomes a charge of its own (is_standalone), which is
-- taken back when the other one does arrive.
--
-- One query says what is due. It writes only what is newer than what is there, so it may run as often as it likes, anywhere, at any time and on
-- any order of arrival. Its rows are those of the keys (service, external id) that it looks at, updates (kind 0) and charges (kind 1):
--   the target    the newest charge that is not taken back; a standalone one only where no other was ever there
--   the figures   the newest of the update and the standalone charges, which a settlement may have corrected
--   due           target older than the figures: replace · standalone beside another charge: take back · no charge at all, long enough: create
{{define:columns}}
usage_id, version, is_deleted, is_standalone, time, client_id, service, operation, provider, request_model, response_model, input_tokens, output_tokens,
    cache_read_tokens, cache_creation_tokens, reasoning_tokens, audio_input_tokens, audio_output_tokens, cache_read_audio_tokens, service_tier, quantity,
    unit, sku, cost, estimated_cost, currency, original_cost, original_currency, cost_source, unpriced_reason, price_version, outcome, error_type, external_id, lead_id,
    message_id, flow_execution_id, metadata, trace_id, span_id, service_name, environment, unreadable, ingested_at
{{enddefine}}

{{define:due}}
SELECT
    r.usage_id AS usage_id,
    multiIf(r.due = 'replace', r.figures.1, r.due = 'take back', r.version + 1, r.version) AS version,
    multiIf(r.due = 'replace', r.figures.2, r.due = 'take back', 1, 0) AS is_deleted,
    if(r.due = 'create', 1, r.is_standalone) AS is_standalone,
    r.time AS time,
    if(r.due = 'replace' AND r.client_id = 'unattributed', r.figures.3, toString(r.client_id)) AS client_id,
    r.service AS service,
    r.operation AS operation,
    r.provider AS provider,
    r.request_model AS request_model,
    r.response_model AS response_model,
    r.input_tokens AS input_tokens,
    r.output_tokens AS output_tokens,
    r.cache_read_tokens AS cache_read_tokens,
    r.cache_creation_tokens AS cache_creation_tokens,
    r.reasoning_tokens AS reasoning_tokens,
    r.audio_input_tokens AS audio_input_tokens,
    r.audio_output_tokens AS audio_output_tokens,
    r.cache_read_audio_tokens AS cache_read_audio_tokens,
    r.service_tier AS service_tier,
    if(r.due = 'replace', r.figures.4, r.quantity) AS quantity,
    if(r.due = 'replace', r.figures.5, toString(r.unit)) AS unit,
    -- The charge keeps the price list's name where the report has none.
    if(r.due = 'replace' AND r.figures.6 != '', r.figures.6, toString(r.sku)) AS sku,
    if(r.due = 'replace', r.figures.7, r.cost) AS cost,
    if(r.due = 'replace',
        coalesce(r.figures.8, r.estimated_cost,
            if(r.figures.12 = 'provider' AND r.cost_source IN ('price_book', 'estimated') AND r.currency = 'USD', r.cost, NULL)),
        r.estimated_cost) AS estimated_cost,
    if(r.due = 'replace', r.figures.9, toString(r.currency)) AS currency,
    if(r.due = 'replace', r.figures.10, r.original_cost) AS original_cost,
    if(r.due = 'replace', r.figures.11, toString(r.original_currency)) AS original_currency,
    if(r.due = 'replace', r.figures.12, toString(r.cost_source)) AS cost_source,
    if(r.due = 'replace', r.figures.13, toString(r.unpriced_reason)) AS unpriced_reason,
    if(r.due = 'replace', r.figures.14, toString(r.price_version)) AS price_version,
    if(r.due = 'replace', r.figures.15, toString(r.outcome)) AS outcome,
    if(r.due = 'replace', r.figures.16, toString(r.error_type)) AS error_type,
    r.external_id AS external_id,
    r.lead_id AS lead_id,
    r.message_id AS message_id,
    r.flow_execution_id AS flow_execution_id,
    r.metadata AS metadata,
    r.trace_id AS trace_id,
    r.span_id AS span_id,
    r.service_name AS service_name,
    r.environment AS environment,
    r.unreadable AS unreadable,
    toTimeZone(now64(3), 'UTC') AS ingested_at
FROM (
    SELECT
        k.*,
        multiIf(
            k.kind = 0, if(k.charges = 0 AND k.is_deleted = 0 AND k.ingested_at <= toTimeZone(now64(3), 'UTC') - waiting, 'create', ''),
            k.usage_id = k.target AND k.is_deleted = 0 AND k.figures.1 > k.version, 'replace',
            k.is_standalone = 1 AND k.is_deleted = 0 AND k.others > 0, 'take back',
            '') AS due
    FROM (
        SELECT
            o.*,
            argMaxIf(o.usage_id, (o.version, o.usage_id), o.kind = 1 AND o.is_deleted = 0 AND (o.is_standalone = 0 OR o.others = 0))
                OVER (PARTITION BY o.service, o.external_id) AS target,
            -- A standalone charge that was taken back says what it said one version before.
            argMaxIf(
                (
                    toUInt64(o.version - if(o.kind = 1, o.is_deleted, 0)), toUInt8(if(o.kind = 0, o.is_deleted, 0)), toString(o.client_id), o.quantity,
                    toString(o.unit), toString(o.sku), o.cost, o.estimated_cost, toString(o.currency), o.original_cost,
                    toString(o.original_currency), toString(o.cost_source), toString(o.unpriced_reason), toString(o.price_version),
                    toString(o.outcome), toString(o.error_type)
                ),
                toUInt64(o.version - if(o.kind = 1, o.is_deleted, 0)),
                o.kind = 0 OR o.is_standalone = 1
            ) OVER (PARTITION BY o.service, o.external_id) AS figures
        FROM (
            SELECT
                u.*,
                countIf(u.kind = 1) OVER (PARTITION BY u.service, u.external_id) AS charges,
                countIf(u.kind = 1 AND u.is_standalone = 0) OVER (PARTITION BY u.service, u.external_id) AS others
            FROM (
                SELECT {{use:columns}}, toUInt8(0) AS kind
                FROM {{db}}.usage_updates FINAL
                WHERE (service, external_id) IN arrayDistinct(keys)
                UNION ALL
                SELECT {{use:columns}}, toUInt8(1) AS kind
                FROM {{db}}.usage_events FINAL
                WHERE (service, external_id) IN arrayDistinct(keys) AND time >= oldest
            ) AS u
        ) AS o
    ) AS k
) AS r
WHERE r.due != ''
{{enddefine}}

-- What is due of all updates there are, whatever their age: for the command, and after a pause.
CREATE VIEW IF NOT EXISTS {{db}}.usage_updates_due{{on_cluster}} AS
WITH
    toIntervalSecond({wait_seconds:UInt32}) AS waiting,
    toDateTime64('1970-01-01 00:00:00', 9, 'UTC') AS oldest,
    (SELECT groupUniqArray((toString(service), external_id)) FROM {{db}}.usage_updates) AS keys
{{use:due}};

-- Every few seconds (a setting, a minute at most): the updates that came in, or have waited long enough, in the last three minutes, and those whose
-- charge came in; that allows for inserts that were slow to become visible. It looks for charges up to 40 days before the oldest of these updates.
CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.usage_updates_apply{{on_cluster}}
REFRESH EVERY {{update_seconds}} SECOND APPEND TO {{db}}.usage_events AS
WITH
    toIntervalSecond({{update_wait_seconds}}) AS waiting,
    toTimeZone(now64(3), 'UTC') - toIntervalSecond(180) AS since,
    (
        SELECT groupUniqArray(found.key)
        FROM (
            SELECT (toString(service), external_id) AS key
            FROM {{db}}.usage_updates
            WHERE ingested_at >= since OR (ingested_at >= since - waiting AND ingested_at <= toTimeZone(now64(3), 'UTC') - waiting)
            UNION ALL
            SELECT (toString(service), external_id) AS key
            FROM {{db}}.usage_updates
            WHERE (service, external_id) GLOBAL IN (
                SELECT service, external_id
                FROM {{db}}.usage_events
                WHERE ingested_at >= since AND external_id != '' AND service GLOBAL IN (SELECT DISTINCT service FROM {{db}}.usage_updates)
            )
        ) AS found
    ) AS keys,
    (SELECT min(time) - INTERVAL 40 DAY FROM {{db}}.usage_updates WHERE (service, external_id) IN arrayDistinct(keys)) AS oldest
{{use:due}}
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- Every hour: the updates of the last 35 days, and charges of any age.
CREATE MATERIALIZED VIEW IF NOT EXISTS {{db}}.usage_updates_wide_apply{{on_cluster}}
REFRESH EVERY 1 HOUR APPEND TO {{db}}.usage_events AS
WITH
    toIntervalSecond({{update_wait_seconds}}) AS waiting,
    toDateTime64('1970-01-01 00:00:00', 9, 'UTC') AS oldest,
    (
        SELECT groupUniqArray((toString(service), external_id))
        FROM {{db}}.usage_updates
        WHERE ingested_at >= toTimeZone(now64(3), 'UTC') - INTERVAL 35 DAY
    ) AS keys
{{use:due}}
SETTINGS do_not_merge_across_partitions_select_final = 1;
