DROP TABLE IF EXISTS {{db}}.otel_metrics_exponential_histogram{{on_cluster}} SYNC;
DROP TABLE IF EXISTS {{db}}.otel_metrics_histogram{{on_cluster}} SYNC;
DROP TABLE IF EXISTS {{db}}.otel_metrics_summary{{on_cluster}} SYNC;
DROP TABLE IF EXISTS {{db}}.otel_metrics_sum{{on_cluster}} SYNC;
DROP TABLE IF EXISTS {{db}}.otel_metrics_gauge{{on_cluster}} SYNC;
