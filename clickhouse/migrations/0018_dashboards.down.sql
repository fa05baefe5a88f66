DROP VIEW IF EXISTS {{db}}.top_operations{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.client_recent_calls{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.client_month_days{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.client_month{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.client_day_costs{{on_cluster}} SYNC;
DROP VIEW IF EXISTS {{db}}.client_list{{on_cluster}} SYNC;
