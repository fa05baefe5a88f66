DROP VIEW IF EXISTS {{db}}.active_alerts{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.pipeline_alert_states{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.client_alert_states{{on_cluster}} SYNC;
