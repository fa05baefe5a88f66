DROP VIEW IF EXISTS {{db}}.usage_intake_mv{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.usage_events_rejected_mv{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.usage_events_mv{{on_cluster}} SYNC;
DROP TABLE IF EXISTS {{db}}.usage_events_rejected{{on_cluster}} SYNC;
DROP TABLE IF EXISTS {{db}}.usage_intake{{on_cluster}} SYNC;
