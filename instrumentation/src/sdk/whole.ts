import { metrics, ProxyTracerProvider, trace } from '@opentelemetry/api';
import { NodeSDK, startNodeSdk } from '@opentelemetry/sdk-node';
import { environment } from '../environment.ts';
import { COUNTER_PREFIX } from '../recorder/counters.ts';
import { resourceDetectors } from './detectors.ts';
import { atMost, CARDINALITY_LIMIT, type StartedSdk } from './sdk.ts';
import { withTokenHeaders } from './token.ts';

/** Starts the whole SDK, which honours every `OTEL_*` variable (gRPC, Prometheus, Zipkin, B3, OTEL_CONFIG_FILE, …). */
export function startWhole(env: Readonly<Record<string, string | undefined>>): StartedSdk {
  // A configuration file names its own headers; elsewhere the SDK reads them from the environment while it starts.
  if (env.OTEL_CONFIG_FILE !== undefined && env.OTEL_CONFIG_FILE.trim() !== '') startNodeSdk();
  else {
    withTokenHeaders(environment(), () =>
      new NodeSDK({
        resourceDetectors: resourceDetectors(),
        views: [{ instrumentName: `${COUNTER_PREFIX}*`, aggregationCardinalityLimit: CARDINALITY_LIMIT }],
      }).start(),
    );
  }
  const flush = (timeoutMillis: number) => atMost(Promise.allSettled([flushTraces(), flushMetrics()]), timeoutMillis);
  return { plainSpans: false, flush, end: flush };
}

type Flushable = { forceFlush?(): Promise<void> };

async function flushTraces(): Promise<void> {
  const provider = trace.getTracerProvider();
  const real = provider instanceof ProxyTracerProvider ? provider.getDelegate() : provider;
  await (real as Flushable).forceFlush?.();
}

async function flushMetrics(): Promise<void> {
  await (metrics.getMeterProvider() as Flushable).forceFlush?.();
}
