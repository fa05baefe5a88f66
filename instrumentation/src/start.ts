import { createRequire } from 'node:module';
import type { ResourceLike, UsageExporter } from '@client-cost/exporter';
import { context, ProxyTracerProvider, type Span, trace } from '@opentelemetry/api';
import { attributeIncoming } from './attribution/incoming.ts';
import { propagateToOwnHosts } from './attribution/outgoing.ts';
import { OwnHosts } from './attribution/own-hosts.ts';
import { getConfig } from './config.ts';
import { environment } from './environment.ts';
import { warnOnce } from './log.ts';
import { loadPriceBook, type PriceBook } from './prices/index.ts';
import { setRecorderFactory } from './recorder/index.ts';
import { SCOPE_NAME, UsageRecorder } from './recorder/recorder.ts';
import { observeSpool } from './recorder/spool-metrics.ts';
import { whyWholeSdk } from './sdk/coverage.ts';
import { ensureDiagLogger } from './sdk/diag-logger.ts';
import { isRegistered } from './sdk/globals.ts';
import type { StartedSdk } from './sdk/sdk.ts';
import { VERSION } from './version.ts';

const lazyRequire = createRequire(__filename);

/** How long the end of a process waits for spans and metrics. Usage events have their own deadline. */
const FLUSH_MS = 2_000;
/** A process that makes no call still delivers what an earlier one left in the spool, this long after its start. */
const REPLAY_AFTER_MS = 10_000;

let recording = false;
let ownSdkWanted = false;
let sdkDecided = false;
let sdk: StartedSdk | undefined;
let exporter: UsageExporter | undefined;
let exporterFailed = false;
let prices: PriceBook | undefined;

/**
 * Prepares recording: attribution of incoming and outgoing requests, and a recorder whose exporter and price book are
 * made on first use. Starts no SDK. Idempotent, never throws. Does nothing when `CLIENT_COST_DISABLED` is set.
 */
export function startRecording(): void {
  if (recording) return;
  recording = true;
  try {
    ensureDiagLogger(environment().OTEL_LOG_LEVEL);
    const config = getConfig();
    if (config.disabled) return;
    attributeIncoming({
      config,
      onRequest: decideSdk,
      extractTrace: () => sdk !== undefined,
      // Loaded with the first signed request.
      webhook: {
        header: 'x-twilio-signature',
        observe: (request, response) => twilioWebhooks().observeWebhook(request, response),
      },
    });
    propagateToOwnHosts(new OwnHosts(config.ownHosts));
    setRecorderFactory(
      () =>
        new UsageRecorder({
          version: VERSION,
          onFirstCall: () => {
            decideSdk();
            // Before the first event: a process that a signal ends in the middle of its first call still records it.
            setImmediate(() => usageExporter(undefined)).unref();
          },
          plainSpans: () => sdk?.plainSpans === true,
          onMeterProvider: spoolMetrics,
          priceBook: () =>
            (prices ??= loadPriceBook({ userFile: config.pricesFile, providersFile: config.httpProvidersFile })),
          exporter: usageExporter,
        }),
    );
    if (config.httpProvidersFile !== undefined) {
      const declarative = lazyRequire('./http/declarative/index.js') as typeof import('./http/declarative/index.ts');
      declarative.observeHttpProviders(config.httpProvidersFile);
    }
    setTimeout(() => usageExporter(undefined), REPLAY_AFTER_MS).unref();
  } catch (error) {
    warnOnce('start', 'recording could not be started', error);
  }
}

/**
 * Lets the first billable call, `recordUsage` or incoming request start an SDK, unless the application has one of its
 * own by then. Its code is loaded when the application's first turn of the event loop is over: early enough that no
 * request waits for it, late enough that an application with its own SDK, or with nothing to record, never pays for it.
 */
export function wantOwnSdk(): void {
  const config = getConfig();
  if (ownSdkWanted || config.disabled) return;
  ownSdkWanted = true;
  if (!config.startSdk || sdkDisabled()) return;
  setImmediate(() => {
    if (sdkDecided || isRegistered('trace') || isRegistered('metrics')) return;
    try {
      lazyRequire(whyWholeSdk(environment()) === undefined ? './sdk/parts.js' : './sdk/whole.js');
    } catch (error) {
      warnOnce('sdk-load', 'the OpenTelemetry SDK could not be loaded; usage events are not affected', error);
    }
  }).unref();
}

/** Loads what the first call needs: prices and the exporter's code. */
export function warmUp(): void {
  if (getConfig().disabled) return;
  setImmediate(() => {
    try {
      prices ??= loadPriceBook({ userFile: getConfig().pricesFile, providersFile: getConfig().httpProvidersFile });
      prices.warm();
    } catch (error) {
      warnOnce('warm-up', 'the price book could not be loaded', error);
    }
  }).unref();
}

function sdkDisabled(): boolean {
  return environment().OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true';
}

/** Starts our SDK, once, where it is wanted and nobody else has registered one. */
function decideSdk(): void {
  if (sdkDecided) return;
  sdkDecided = true;
  if (!ownSdkWanted || isRegistered('trace') || isRegistered('metrics')) return;
  try {
    if (!getConfig().startSdk || sdkDisabled()) {
      ensureContextManager();
      return;
    }
    if (whyWholeSdk(environment()) === undefined) {
      sdk = (lazyRequire('./sdk/parts.js') as typeof import('./sdk/parts.ts')).startParts();
    } else {
      sdk = (lazyRequire('./sdk/whole.js') as typeof import('./sdk/whole.ts')).startWhole(environment());
    }
    flushSdkAtEnd(sdk);
  } catch (error) {
    warnOnce('sdk-start', 'the OpenTelemetry SDK could not be started; usage events are not affected', error);
  }
}

/** Without an SDK there is still attribution, which lives best in an OpenTelemetry context. */
function ensureContextManager(): void {
  if (isRegistered('context')) return;
  const hooks = lazyRequire(
    '@opentelemetry/context-async-hooks',
  ) as typeof import('@opentelemetry/context-async-hooks');
  context.setGlobalContextManager(new hooks.AsyncLocalStorageContextManager().enable());
}

type TwilioWebhooks = typeof import('./twilio/webhook/automatic.ts');
let loadedWebhooks: TwilioWebhooks | undefined;
const twilioWebhooks = () => (loadedWebhooks ??= lazyRequire('./twilio/webhook/automatic.js') as TwilioWebhooks);

const exporterPackage = () => lazyRequire('@client-cost/exporter') as typeof import('@client-cost/exporter');

/** The exporter of this process, made on first use with the resource of the SDK that made the span. */
function usageExporter(span: Span | undefined): UsageExporter | undefined {
  if (exporter !== undefined || exporterFailed) return exporter;
  try {
    const resource = knownResource(span);
    exporter = exporterPackage().createUsageExporter(
      { scopeVersion: VERSION, ...(resource === undefined ? undefined : { resource }) },
      environment(),
    );
    spoolMetrics();
  } catch (error) {
    exporterFailed = true;
    warnOnce('exporter', 'usage events cannot leave this process: the exporter could not be made', error);
  }
  return exporter;
}

function spoolMetrics(): void {
  try {
    if (exporter !== undefined) observeSpool(exporter, SCOPE_NAME, VERSION);
  } catch (error) {
    warnOnce('spool-metrics', 'the metrics of the spool could not be registered; usage events are not affected', error);
  }
}

/** The exporter knows what else to say of the process. */
function knownResource(span: Span | undefined): ResourceLike | undefined {
  try {
    return resourceOf(span);
  } catch (error) {
    warnOnce('resource', "the OpenTelemetry SDK's resource could not be read", error);
    return undefined;
  }
}

/**
 * Who emits, as the SDK in use says it. Recorded spans carry it; for a sampled-out one there is only the provider's own
 * field, which is not public: without it the exporter falls back to OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
 */
function resourceOf(span: Span | undefined): ResourceLike | undefined {
  const provider = trace.getTracerProvider();
  const real = provider instanceof ProxyTracerProvider ? provider.getDelegate() : provider;
  const holders = [span, real] as unknown as ({ resource?: unknown; _resource?: unknown } | undefined)[];
  for (const holder of holders) {
    const resource = holder?.resource ?? holder?._resource;
    // `in`, because reading attributes that are still being detected is reported as an error.
    if (typeof resource === 'object' && resource !== null && 'attributes' in resource) return resource as ResourceLike;
  }
  return undefined;
}

/** Spans and metrics: a best effort at every end of the process that leaves time for it. */
function flushSdkAtEnd(started: StartedSdk): void {
  // No time left, or none wanted (CLIENT_COST_EXIT_TIMEOUT_MS=0): the exporters take 0 for a mistake.
  exporterPackage().onProcessEnd(async (millis) => {
    if (millis > 0) await started.end(Math.min(millis, FLUSH_MS));
  });
}

/**
 * Sends everything that waits: usage events, and the spans and metrics of an SDK that `register` started.
 *
 * @param timeoutMillis resolves false when the usage events are not acknowledged by then
 */
export async function flush(timeoutMillis = 10_000): Promise<boolean> {
  const [delivered] = await Promise.all([exporter?.flush(timeoutMillis) ?? true, sdk?.flush(timeoutMillis)]);
  return delivered;
}
