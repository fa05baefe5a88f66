SELECT month, client_id, client_name, openai_cost, twilio_sms_cost, twilio_voice_cost, total_cost, requests, total_messages, total_ai_calls,
    total_voice_minutes, previous_month_cost, cost_change_percent
FROM (
    SELECT * FROM monthly_summary(month = '2025-12')
    UNION ALL
    SELECT * FROM monthly_summary(month = '2026-01')
    UNION ALL
    SELECT * FROM monthly_summary(month = '2026-02')
)
WHERE client_id LIKE 't-monthly-%'
ORDER BY month, client_id
