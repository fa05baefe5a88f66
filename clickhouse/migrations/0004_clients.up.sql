-- Names and thresholds of clients. A client needs no row here to be billed: usage of an unknown id is shown under the id.
CREATE TABLE IF NOT EXISTS {{db}}.clients{{on_cluster}} (
    id String,
    name String,
    active Bool DEFAULT true,
    monthly_warning Nullable(Decimal(18, 2)) COMMENT 'USD a month; NULL: the default threshold',
    monthly_critical Nullable(Decimal(18, 2)) COMMENT 'USD a month; NULL: the default threshold',
    spike_percent Nullable(Decimal(9, 2)) COMMENT 'rise over the previous month; NULL: the default threshold',
    updated_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
) ENGINE = {{engine_everywhere:ReplacingMergeTree(updated_at)}}
ORDER BY id;

CREATE VIEW IF NOT EXISTS {{db}}.clients_current{{on_cluster}} AS
SELECT id, name, active, monthly_warning, monthly_critical, spike_percent, updated_at
FROM {{db}}.clients FINAL;
