DROP VIEW IF EXISTS {{db}}.usage_ledger_vs_counters{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.usage_counters{{on_cluster}} SYNC;
