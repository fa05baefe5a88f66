DROP VIEW IF EXISTS {{db}}.usage_alerts_current{{on_cluster}} SYNC;
DROP TABLE IF EXISTS {{db}}.usage_alerts{{on_cluster}} SYNC;
CREATE OR REPLACE VIEW {{db}}.clients_current{{on_cluster}} AS
SELECT id, name, active, monthly_warning, monthly_critical, spike_percent, updated_at, margin_percent, margin_fixed
FROM {{db}}.clients FINAL;
ALTER TABLE {{db}}.clients{{on_cluster}}
    DROP COLUMN IF EXISTS spike_critical_percent,
    DROP COLUMN IF EXISTS anomaly_percent;
