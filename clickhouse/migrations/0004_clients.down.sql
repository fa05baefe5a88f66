DROP VIEW IF EXISTS {{db}}.clients_current{{on_cluster}} SYNC;
DROP TABLE IF EXISTS {{db}}.clients{{on_cluster}} SYNC;
