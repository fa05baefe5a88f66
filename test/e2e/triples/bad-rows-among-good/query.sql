SELECT * FROM (
SELECT attributes['lead.id'] AS place, count() AS requests, any(reason) AS reason
FROM usage_events_rejected WHERE client_id = 't-reject' GROUP BY place
UNION ALL
SELECT 'ledger', count(), '' FROM usage_events_current WHERE client_id = 't-reject'
)
ORDER BY place
