-- All clients over any period, dearest first; no previous month to compare with.
CREATE VIEW IF NOT EXISTS {{db}}.period_summary{{on_cluster}} AS
SELECT
    c.client_id AS client_id,
    if(any(k.name) = '', client_id, any(k.name)) AS client_name,
    if(any(k.id) = '', true, any(k.active)) AS active,
    sum(c.openai_cost) AS openai_cost,
    sum(c.twilio_sms_cost) AS twilio_sms_cost,
    sum(c.twilio_voice_cost) AS twilio_voice_cost,
    sum(c.twilio_phone_cost) AS twilio_phone_cost,
    sum(c.stripe_cost) AS stripe_cost,
    sum(c.google_places_cost) AS google_places_cost,
    sum(c.storage_cost) AS storage_cost,
    sum(c.other_cost) AS other_cost,
    sum(c.total_cost) AS total_cost,
    sum(c.requests) AS requests,
    sum(c.errors) AS errors,
    sum(c.input_tokens) AS input_tokens,
    sum(c.output_tokens) AS output_tokens,
    sum(c.total_messages) AS total_messages,
    sum(c.total_ai_calls) AS total_ai_calls,
    sum(c.openai_calls) AS openai_calls,
    sum(c.total_voice_minutes) AS total_voice_minutes,
    sum(c.unpriced_requests) AS unpriced_requests,
    sum(c.estimated_requests) AS estimated_requests
FROM {{db}}.usage_client_days AS c
LEFT JOIN {{db}}.clients_current AS k ON k.id = c.client_id
WHERE c.day BETWEEN {first_day:Date} AND {last_day:Date}
GROUP BY c.client_id
ORDER BY total_cost DESC, client_id;

-- The cards above the table of clients. Usage without a client is in the totals, yet it is no client: the average leaves it out.
CREATE VIEW IF NOT EXISTS {{db}}.period_totals{{on_cluster}} AS
SELECT
    sum(c.total_cost) AS total_cost,
    uniqExactIf(c.client_id, c.client_id != 'unattributed') AS active_clients,
    sumIf(c.total_cost, c.client_id = 'unattributed') AS unattributed_cost,
    if(active_clients = 0, NULL,
        toDecimal128(round(toDecimal256(total_cost - unattributed_cost, 16) / greatest(active_clients, 1), 12), 12)) AS average_per_client,
    sum(c.openai_cost) AS openai_cost,
    sum(c.openai_calls) AS openai_calls,
    sum(c.total_ai_calls) AS total_ai_calls,
    sum(c.twilio_sms_cost) AS twilio_sms_cost,
    sum(c.total_messages) AS total_messages,
    sum(c.requests) AS requests,
    sum(c.errors) AS errors,
    sum(c.unpriced_requests) AS unpriced_requests,
    sum(c.estimated_requests) AS estimated_requests
FROM {{db}}.usage_client_days AS c
WHERE c.day BETWEEN {first_day:Date} AND {last_day:Date};

CREATE VIEW IF NOT EXISTS {{db}}.usage_models{{on_cluster}} AS
SELECT
    d.client_id AS client_id,
    d.service AS service,
    d.provider AS provider,
    d.model AS model,
    sum(d.requests) AS requests,
    sum(d.errors) AS errors,
    sum(d.input_tokens) AS input_tokens,
    sum(d.output_tokens) AS output_tokens,
    sum(d.cache_read_tokens) AS cache_read_tokens,
    sum(d.reasoning_tokens) AS reasoning_tokens,
    sum(d.cost) AS cost,
    sum(d.unpriced_requests) AS unpriced_requests,
    sum(d.estimated_requests) AS estimated_requests
FROM {{db}}.usage_daily_current AS d
WHERE d.day BETWEEN {first_day:Date} AND {last_day:Date} AND (d.model != '' OR d.provider != '')
GROUP BY d.client_id, d.service, d.provider, d.model;

-- How much of the usage has a price, per day and service.
CREATE VIEW IF NOT EXISTS {{db}}.usage_coverage{{on_cluster}} AS
SELECT
    d.day AS day,
    d.service AS service,
    sum(d.requests) AS requests,
    sum(d.unpriced_requests) AS unpriced_requests,
    sum(d.estimated_requests) AS estimated_requests,
    round((requests - unpriced_requests) * 100 / requests, 2) AS priced_percent
FROM {{db}}.usage_daily_current AS d
WHERE d.day BETWEEN {first_day:Date} AND {last_day:Date}
GROUP BY d.day, d.service
ORDER BY day, service;
