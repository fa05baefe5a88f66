SELECT * FROM (
SELECT 'ledger' AS place, count() AS requests, sum(input_tokens) AS input_tokens, sum(cost) AS cost
FROM usage_events_current WHERE client_id = 't-resend'
UNION ALL
SELECT 'daily', sum(requests), sum(input_tokens), sum(cost)
FROM usage_daily_current WHERE client_id = 't-resend'
UNION ALL
SELECT 'raw log records', count(), 0, toDecimal128(0, 12)
FROM otel_logs WHERE LogAttributes['client.id'] = 't-resend'
)
ORDER BY place DESC
