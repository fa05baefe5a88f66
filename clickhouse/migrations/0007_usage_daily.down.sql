DROP VIEW IF EXISTS {{db}}.usage_daily_wide_refresh{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.usage_daily_refresh{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.usage_daily_current{{on_cluster}} SYNC;
DROP TABLE IF EXISTS {{db}}.usage_daily{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.usage_daily_computed{{on_cluster}} SYNC;
