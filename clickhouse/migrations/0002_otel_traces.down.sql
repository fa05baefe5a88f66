DROP TABLE IF EXISTS {{db}}.otel_traces_trace_id_ts_mv{{on_cluster}} SYNC;
DROP TABLE IF EXISTS {{db}}.otel_traces_trace_id_ts{{on_cluster}} SYNC;
DROP TABLE IF EXISTS {{db}}.otel_traces{{on_cluster}} SYNC;
