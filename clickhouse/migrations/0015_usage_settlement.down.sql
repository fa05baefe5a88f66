DROP VIEW IF EXISTS {{db}}.usage_unpriced{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.usage_settlement{{on_cluster}} SYNC;
