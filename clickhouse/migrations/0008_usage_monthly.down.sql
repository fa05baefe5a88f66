DROP VIEW IF EXISTS {{db}}.monthly_summary{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.usage_monthly{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.usage_client_days{{on_cluster}} SYNC;
