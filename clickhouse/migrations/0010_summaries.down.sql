DROP VIEW IF EXISTS {{db}}.usage_coverage{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.usage_models{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.period_totals{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.period_summary{{on_cluster}} SYNC;
