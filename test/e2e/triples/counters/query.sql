SELECT MetricName, MetricUnit, Value, IsMonotonic, AggregationTemporality, dateDiff('hour', TimeUnix, now()) AS hours_ago,
    Attributes['client.id'] AS client, Attributes['usage.service'] AS service, Attributes['gen_ai.token.type'] AS token_type
FROM otel_metrics_sum WHERE ServiceName = 't-counter-service' ORDER BY MetricName
