SELECT Body AS body, EventName AS event, (SELECT count() FROM usage_events_current WHERE client_id = 't-other') AS ledger,
    (SELECT count() FROM usage_events_rejected WHERE client_id = 't-other') AS rejected
FROM otel_logs WHERE ServiceName = 't-other-service' ORDER BY Body DESC
