import { describe, expect, it } from 'vitest';
import { whyWholeSdk } from './coverage.ts';
import { QuietLogger } from './diag-logger.ts';

describe('whyWholeSdk', () => {
  it.each([
    {},
    { PATH: '/bin', OTEL_SERVICE_NAME: 'x', OTEL_RESOURCE_ATTRIBUTES: 'a=b,c=d' },
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318',
      OTEL_EXPORTER_OTLP_HEADERS: 'a=b',
      OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: 'grpc',
    },
    { OTEL_TRACES_EXPORTER: 'otlp,console', OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none' },
    {
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.1',
    },
    { OTEL_PROPAGATORS: 'tracecontext, baggage', OTEL_CONFIG_FILE: '' },
  ])('the parts cover %j', (env) => {
    expect(whyWholeSdk(env)).toBeUndefined();
  });

  it.each([
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'grpc'],
    ['OTEL_TRACES_EXPORTER', 'zipkin'],
    ['OTEL_METRICS_EXPORTER', 'otlp,prometheus'],
    ['OTEL_LOGS_EXPORTER', 'otlp'],
    ['OTEL_PROPAGATORS', 'tracecontext,b3'],
    ['OTEL_CONFIG_FILE', 'otel.yaml'],
    ['OTEL_TRACES_SAMPLER', 'jaeger_remote'],
    ['OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT', '10'],
    ['OTEL_SOMETHING_NEW', 'x'],
  ])('%s=%s needs the whole SDK', (name, value) => {
    expect(whyWholeSdk({ [name]: value })).toBe(`${name}=${value}`);
  });
});

describe('QuietLogger', () => {
  it('says each cause once in ten minutes, in one line', () => {
    const lines: string[] = [];
    let now = 0;
    const logger = new QuietLogger(
      (line) => lines.push(line),
      () => now,
    );
    const failure = (port: number) =>
      JSON.stringify({ name: 'AggregateError', message: '', code: 'ECONNREFUSED', stack: `x\n at ${port}` });
    logger.error(failure(1));
    logger.error(failure(2));
    logger.warn('client-cost', 'something\n    at file.js');
    logger.info();
    logger.warn('Current logger will be overwritten from x');
    expect(lines).toEqual(['client-cost: AggregateError: ECONNREFUSED', 'client-cost: something']);
    now = 11 * 60_000;
    logger.error(failure(3));
    expect(lines).toHaveLength(3);
  });
});
