DROP TABLE IF EXISTS {{db}}.otel_logs{{on_cluster}} SYNC;
