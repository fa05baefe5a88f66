DROP VIEW IF EXISTS {{db}}.usage_events_current{{on_cluster}} SYNC;
{{drop_distributed:usage_events}}
DROP TABLE IF EXISTS {{db}}.{{local:usage_events}}{{on_cluster}} SYNC;
