-- A link expires; an alert that is open for longer must still be acknowledged from the dashboards. So the newest link counts, and each time an alert
-- is repeated it brings one.
ALTER TABLE {{db}}.usage_alerts{{on_cluster}} COMMENT COLUMN acknowledge_url 'signed link, on fired and repeated';

CREATE OR REPLACE VIEW {{db}}.usage_alerts_current{{on_cluster}} AS
SELECT
    e.alert_key AS alert_key,
    argMax(e.client_id, e.time) AS client_id,
    argMaxIf(e.client_name, e.time, e.event = 'fired') AS client_name,
    argMax(e.alert_type, e.time) AS alert_type,
    argMax(e.severity, e.time) AS severity,
    argMax(e.month, e.time) AS month,
    argMaxIf(e.message, e.time, e.event IN ('fired', 'repeated')) AS message,
    argMaxIf(e.details, e.time, e.event IN ('fired', 'repeated')) AS details,
    argMaxIf(e.acknowledge_url, e.time, e.event IN ('fired', 'repeated') AND e.acknowledge_url != '') AS acknowledge_url,
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
