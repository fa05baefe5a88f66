-- What arrives when the server's clock was set back must not look older than the last refresh: nobody would look at it again. So the time of
-- arrival is that of the clock, and never before the last refresh. Whether a time is too far away is still a matter of the clock.
ALTER TABLE {{db}}.usage_intake_mv{{on_cluster}} MODIFY QUERY
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
    greatest(received, (SELECT toDateTime64(max(refreshed_at), 3, 'UTC') FROM {{db}}.usage_daily WHERE client_id = '' AND service = 'refresh')) AS ingested_at
FROM {{db}}.otel_logs
WHERE EventName = 'client_cost.usage' OR (EventName = '' AND LogAttributes['event.name'] = 'client_cost.usage');

-- Clocks that are wrong, and what it does to bills: per day of arrival (UTC), service and who sent it. Only first versions: a correction comes later than its
-- charge by nature. ahead: dated more than 5 seconds after their arrival; next_day and next_month: dated to a day or month that had not begun;
-- late: more than a day old when they arrived; earlier_month: of a month that was over.
CREATE OR REPLACE VIEW {{db}}.usage_clock_skew{{on_cluster}} AS
SELECT
    toDate(e.ingested_at, 'UTC') AS arrival_day,
    e.service AS service,
    e.service_name AS service_name,
    count() AS events,
    countIf(e.time > e.ingested_at + INTERVAL 5 SECOND) AS ahead,
    toUInt32(greatest(max(dateDiff('second', e.ingested_at, toDateTime64(e.time, 3, 'UTC'))), 0)) AS max_ahead_seconds,
    countIf(toDate(e.time, 'UTC') > toDate(e.ingested_at, 'UTC')) AS next_day,
    countIf(toStartOfMonth(toDate(e.time, 'UTC')) > toStartOfMonth(toDate(e.ingested_at, 'UTC'))) AS next_month,
    sumIf(if(e.currency = 'USD', ifNull(e.cost, toDecimal64(0, 12)), toDecimal64(0, 12)),
        toStartOfMonth(toDate(e.time, 'UTC')) > toStartOfMonth(toDate(e.ingested_at, 'UTC'))) AS next_month_cost,
    countIf(e.time < e.ingested_at - INTERVAL 1 DAY) AS late,
    toUInt32(greatest(max(dateDiff('second', toDateTime64(e.time, 3, 'UTC'), e.ingested_at)), 0)) AS max_late_seconds,
    countIf(toStartOfMonth(toDate(e.time, 'UTC')) < toStartOfMonth(toDate(e.ingested_at, 'UTC'))) AS earlier_month,
    sumIf(if(e.currency = 'USD', ifNull(e.cost, toDecimal64(0, 12)), toDecimal64(0, 12)),
        toStartOfMonth(toDate(e.time, 'UTC')) < toStartOfMonth(toDate(e.ingested_at, 'UTC'))) AS earlier_month_cost
FROM {{db}}.usage_events AS e FINAL
WHERE e.is_deleted = 0 AND e.version = 1 AND e.is_standalone = 0
GROUP BY arrival_day, e.service, e.service_name
SETTINGS do_not_merge_across_partitions_select_final = 1;
