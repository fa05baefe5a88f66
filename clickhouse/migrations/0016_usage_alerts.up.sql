-- The life of every alert, as events. What an alert is now follows from them (usage_alerts_current).
ALTER TABLE {{db}}.clients{{on_cluster}}
    ADD COLUMN IF NOT EXISTS spike_critical_percent Nullable(Decimal(9, 2)) COMMENT 'rise over the previous month that is critical; NULL: the default',
    ADD COLUMN IF NOT EXISTS anomaly_percent Nullable(Decimal(9, 2)) COMMENT 'projection in percent of monthly_critical that is an anomaly; NULL: the default';

CREATE OR REPLACE VIEW {{db}}.clients_current{{on_cluster}} AS
SELECT id, name, active, monthly_warning, monthly_critical, spike_percent, updated_at, margin_percent, margin_fixed,
    spike_critical_percent, anomaly_percent
FROM {{db}}.clients FINAL;

-- The same event_id twice is one event: a writer that does not know whether its rows arrived sends them again.
CREATE TABLE IF NOT EXISTS {{db}}.usage_alerts{{on_cluster}} (
    event_id UUID,
    time DateTime64(3, 'UTC'),
    alert_key String COMMENT 'alert_type:severity:month:client_id; month and client are empty for the pipeline''s own alerts',
    event LowCardinality(String) COMMENT 'fired, repeated, suppressed, queued, sent, delivered, undelivered, maybe_sent, escalated, acknowledged, silenced, resolved',
    client_id String,
    client_name String,
    alert_type LowCardinality(String) COMMENT 'threshold, spike, anomaly, pipeline_silent, pipeline_rejected, pipeline_unpriced, pipeline_counters, sms_undelivered',
    severity LowCardinality(String) COMMENT 'warning, critical',
    month String COMMENT 'YYYY-MM (UTC)',
    message String,
    source LowCardinality(String) COMMENT 'who says so: grafana, check (client-cost alerts check), sms (the contact point), twilio, person',
    actor String COMMENT 'who acknowledged',
    channel LowCardinality(String) COMMENT 'how: sms, link, dashboard, command',
    recipient String COMMENT 'name of the person on call, never a number',
    message_sid String COMMENT 'Twilio''s id of the text',
    error String,
    details String COMMENT 'JSON: current_cost, previous_cost, projected_cost, threshold (decimal strings, USD), percent_change',
    acknowledge_url String COMMENT 'signed link, on fired',
    received_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
) ENGINE = {{engine_everywhere:ReplacingMergeTree(received_at)}}
PARTITION BY toYYYYMM(time)
ORDER BY (alert_key, time, event_id)
SETTINGS index_granularity = 1024{{no_block_dedup}};

-- One row per alert. Its life counts from its newest fired: what was acknowledged or resolved before that was an earlier one.
CREATE VIEW IF NOT EXISTS {{db}}.usage_alerts_current{{on_cluster}} AS
SELECT
    e.alert_key AS alert_key,
    argMax(e.client_id, e.time) AS client_id,
    argMaxIf(e.client_name, e.time, e.event = 'fired') AS client_name,
    argMax(e.alert_type, e.time) AS alert_type,
    argMax(e.severity, e.time) AS severity,
    argMax(e.month, e.time) AS month,
    argMaxIf(e.message, e.time, e.event IN ('fired', 'repeated')) AS message,
    argMaxIf(e.details, e.time, e.event IN ('fired', 'repeated')) AS details,
    argMaxIf(e.acknowledge_url, e.time, e.event = 'fired') AS acknowledge_url,
    maxIf(e.time, e.event = 'fired') AS fired_at,
    nullIf(maxIf(e.time, e.event = 'sent'), toDateTime64(0, 3, 'UTC')) AS last_sent,
    nullIf(maxIf(e.time, e.event = 'delivered'), toDateTime64(0, 3, 'UTC')) AS last_delivered,
    nullIf(maxIf(e.time, e.event = 'acknowledged'), toDateTime64(0, 3, 'UTC')) AS last_acknowledged,
    nullIf(maxIf(e.time, e.event = 'resolved'), toDateTime64(0, 3, 'UTC')) AS last_resolved,
    if(last_sent >= fired_at, last_sent, NULL) AS sent_at,
    if(last_delivered >= fired_at, last_delivered, NULL) AS delivered_at,
    if(last_acknowledged >= fired_at, last_acknowledged, NULL) AS acknowledged_at,
    if(isNotNull(acknowledged_at), argMaxIf(e.actor, e.time, e.event = 'acknowledged'), '') AS acknowledged_by,
    if(isNotNull(acknowledged_at), argMaxIf(e.channel, e.time, e.event = 'acknowledged'), '') AS acknowledged_how,
    if(last_resolved >= fired_at, last_resolved, NULL) AS resolved_at,
    multiIf(isNotNull(resolved_at), 'resolved', isNotNull(acknowledged_at), 'acknowledged', 'firing') AS status,
    countIf(e.event = 'sent') AS texts_sent
FROM {{db}}.usage_alerts AS e FINAL
GROUP BY e.alert_key
HAVING countIf(e.event = 'fired') > 0
SETTINGS do_not_merge_across_partitions_select_final = 1;
