SELECT length(client_id) AS bytes, lower(hex(SHA256(client_id))) AS sha256, substring(client_id, 1, 9) AS start,
    sum(requests) AS requests, sum(cost) AS cost
FROM usage_daily_current
WHERE client_id LIKE 't-hostile%'
GROUP BY client_id
ORDER BY sha256
