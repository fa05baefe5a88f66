DROP VIEW IF EXISTS {{db}}.current_month{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.client_usage_by_model{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.client_top_operations{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.client_usage_by_day{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.client_usage_by_service{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.client_usage{{on_cluster}} SYNC;
