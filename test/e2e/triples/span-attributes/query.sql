SELECT TraceId, SpanId, ParentSpanId, SpanName, SpanKind, Duration, StatusCode, ScopeName, mapSort(SpanAttributes) AS attributes
FROM otel_traces WHERE ServiceName = 't-span-service'
