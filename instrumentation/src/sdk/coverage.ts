type Env = Readonly<Record<string, string | undefined>>;

/** `any`: the parts honour every value. A list: only these; anything else needs the whole SDK. */
type Covered = 'any' | readonly string[];

/**
 * The standard variables that the SDK's parts (`parts.ts`) honour, and with which values. Any other variable that
 * begins with `OTEL_`, and any other value, loads `@opentelemetry/sdk-node`, which honours all of them.
 */
const COVERED: Readonly<Record<string, Covered>> = {
  OTEL_SDK_DISABLED: 'any',
  OTEL_LOG_LEVEL: 'any',
  OTEL_SERVICE_NAME: 'any',
  OTEL_RESOURCE_ATTRIBUTES: 'any',
  OTEL_NODE_RESOURCE_DETECTORS: ['all', 'none', 'env', 'host', 'os', 'process', 'serviceinstance'],
  OTEL_SEMCONV_STABILITY_OPT_IN: 'any',
  OTEL_TRACES_EXPORTER: ['otlp', 'console', 'none'],
  OTEL_METRICS_EXPORTER: ['otlp', 'console', 'none'],
  OTEL_LOGS_EXPORTER: ['none'],
  OTEL_PROPAGATORS: ['tracecontext', 'baggage', 'none'],
  OTEL_TRACES_SAMPLER: [
    'always_on',
    'always_off',
    'traceidratio',
    'parentbased_always_on',
    'parentbased_always_off',
    'parentbased_traceidratio',
  ],
  OTEL_TRACES_SAMPLER_ARG: 'any',
  OTEL_BSP_MAX_QUEUE_SIZE: 'any',
  OTEL_BSP_SCHEDULE_DELAY: 'any',
  OTEL_BSP_EXPORT_TIMEOUT: 'any',
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: 'any',
  OTEL_METRIC_EXPORT_INTERVAL: 'any',
  OTEL_METRIC_EXPORT_TIMEOUT: 'any',
  OTEL_EXPORTER_OTLP_PROTOCOL: ['http/protobuf', 'http/json'],
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: ['http/protobuf', 'http/json'],
  OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: ['http/protobuf', 'http/json'],
};

// Addresses, headers, certificates, compression, time-outs: read by the OTLP exporters themselves. Those of logs are for
// the usage events' own sender.
const OTLP = /^OTEL_EXPORTER_OTLP_(?!PROTOCOL$|TRACES_PROTOCOL$|METRICS_PROTOCOL$)/;

/** Why an environment needs the whole SDK: `NAME=value`; undefined when the parts honour all of it. */
export function whyWholeSdk(env: Env): string | undefined {
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('OTEL_') || value === undefined || value.trim() === '') continue;
    const covered = COVERED[name] ?? (OTLP.test(name) ? 'any' : []);
    if (covered === 'any') continue;
    if (!value.split(',').every((item) => covered.includes(item.trim()))) return `${name}=${value}`;
  }
  return undefined;
}
