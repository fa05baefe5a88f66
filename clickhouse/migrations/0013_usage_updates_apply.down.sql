DROP VIEW IF EXISTS {{db}}.usage_updates_wide_apply{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.usage_updates_apply{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.usage_updates_due{{on_cluster}} SYNC;
