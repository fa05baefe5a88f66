DROP VIEW IF EXISTS {{db}}.client_bill{{on_cluster}} SYNC;
DROP TABLE IF EXISTS {{db}}.client_prices{{on_cluster}} SYNC;
CREATE OR REPLACE VIEW {{db}}.clients_current{{on_cluster}} AS
SELECT id, name, active, monthly_warning, monthly_critical, spike_percent, updated_at
FROM {{db}}.clients FINAL;
ALTER TABLE {{db}}.clients{{on_cluster}} DROP COLUMN IF EXISTS margin_percent, DROP COLUMN IF EXISTS margin_fixed;
