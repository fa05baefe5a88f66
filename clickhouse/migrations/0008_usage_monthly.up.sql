-- Views inside views cost more to plan than these rows cost to read, so what several views share is a text here.

-- One row per client and day with a column per service of the bill: the base of everything that compares clients or months.
{{define:client_days}}
SELECT
    d.day AS day,
    d.client_id AS client_id,
    sumIf(d.cost, d.service = 'openai') AS openai_cost,
    sumIf(d.cost, d.service = 'twilio_sms') AS twilio_sms_cost,
    sumIf(d.cost, d.service = 'twilio_voice') AS twilio_voice_cost,
    sumIf(d.cost, d.service = 'twilio_phone') AS twilio_phone_cost,
    sumIf(d.cost, d.service = 'stripe') AS stripe_cost,
    sumIf(d.cost, d.service = 'google_places') AS google_places_cost,
    sumIf(d.cost, d.service = 'cloudflare_r2') AS storage_cost,
    sumIf(d.cost, d.service NOT IN ('openai', 'twilio_sms', 'twilio_voice', 'twilio_phone', 'stripe', 'google_places', 'cloudflare_r2'))
        AS other_cost,
    sum(d.cost) AS total_cost,
    sum(d.requests) AS requests,
    sum(d.errors) AS errors,
    sum(d.input_tokens) AS input_tokens,
    sum(d.output_tokens) AS output_tokens,
    sumIf(d.quantity, d.service = 'twilio_sms') AS total_messages,
    sumIf(d.requests, d.provider != '') AS total_ai_calls,
    sumIf(d.requests, d.service = 'openai') AS openai_calls,
    sumIf(d.quantity, d.service = 'twilio_voice') AS total_voice_minutes,
    sum(d.unpriced_requests) AS unpriced_requests,
    sum(d.estimated_requests) AS estimated_requests
FROM {{db}}.usage_daily_current AS d
{{enddefine}}

CREATE VIEW IF NOT EXISTS {{db}}.usage_client_days{{on_cluster}} AS
{{use:client_days}}
GROUP BY day, client_id;

-- Months (UTC) of every client that used anything in them. A day counts for its own month and, as previous_month_cost, for the next one:
-- NULL where the month before had no usage. cost_change_percent is rounded to a whole number, NULL where there is nothing to compare with.
-- first_month and last_month are the first days of months.
{{define:months}}
SELECT
    formatDateTime(slot.1, '%Y-%m') AS month,
    slot.1 AS month_start,
    c.client_id AS client_id,
    sumIf(c.openai_cost, slot.2) AS openai_cost,
    sumIf(c.twilio_sms_cost, slot.2) AS twilio_sms_cost,
    sumIf(c.twilio_voice_cost, slot.2) AS twilio_voice_cost,
    sumIf(c.twilio_phone_cost, slot.2) AS twilio_phone_cost,
    sumIf(c.stripe_cost, slot.2) AS stripe_cost,
    sumIf(c.google_places_cost, slot.2) AS google_places_cost,
    sumIf(c.storage_cost, slot.2) AS storage_cost,
    sumIf(c.other_cost, slot.2) AS other_cost,
    sumIf(c.total_cost, slot.2) AS total_cost,
    sumIf(c.requests, slot.2) AS requests,
    sumIf(c.errors, slot.2) AS errors,
    sumIf(c.input_tokens, slot.2) AS input_tokens,
    sumIf(c.output_tokens, slot.2) AS output_tokens,
    sumIf(c.total_messages, slot.2) AS total_messages,
    sumIf(c.total_ai_calls, slot.2) AS total_ai_calls,
    sumIf(c.openai_calls, slot.2) AS openai_calls,
    sumIf(c.total_voice_minutes, slot.2) AS total_voice_minutes,
    if(countIf(NOT slot.2) = 0, NULL, sumIf(c.total_cost, NOT slot.2)) AS previous_month_cost,
    if(ifNull(previous_month_cost, 0) = 0, NULL, toFloat64(floor(
        (toDecimal256(total_cost, 12) - previous_month_cost) * 100 / ifNull(nullIf(previous_month_cost, 0), toDecimal128(1, 12))
        + toDecimal256('0.5', 1)
    ))) AS cost_change_percent,
    sumIf(c.unpriced_requests, slot.2) AS unpriced_requests,
    sumIf(c.estimated_requests, slot.2) AS estimated_requests
FROM (
    SELECT days.*, arrayJoin([(toStartOfMonth(days.day), true), (addMonths(toStartOfMonth(days.day), 1), false)]) AS slot
    FROM (
        {{use:client_days}}
        WHERE d.day >= addMonths(first_month, -1) AND d.day < addMonths(last_month, 1)
        GROUP BY day, client_id
    ) AS days
) AS c
WHERE slot.1 BETWEEN first_month AND last_month
GROUP BY slot.1, c.client_id
HAVING countIf(slot.2) > 0
{{enddefine}}

CREATE VIEW IF NOT EXISTS {{db}}.usage_monthly{{on_cluster}} AS
WITH toDate('1970-02-01') AS first_month, toDate('2149-04-01') AS last_month
{{use:months}};

-- All clients of a month with their names, dearest first. month is YYYY-MM.
CREATE VIEW IF NOT EXISTS {{db}}.monthly_summary{{on_cluster}} AS
SELECT
    m.*,
    if(k.name = '', m.client_id, k.name) AS client_name,
    if(k.id = '', true, k.active) AS active
FROM (
    WITH toDate(concat({month:String}, '-01')) AS first_month, toDate(concat({month:String}, '-01')) AS last_month
    {{use:months}}
) AS m
LEFT JOIN {{db}}.clients AS k FINAL ON k.id = m.client_id
ORDER BY m.total_cost DESC, m.client_id;
