import { type ExporterConfig, readExporterConfig } from './config.ts';
import { drainInChild } from './drain.ts';
import { SpoolingExporter } from './exporter.ts';
import { log, messageOf } from './log.ts';
import { type LastWork, processEnds } from './process-ends.ts';
import type { ResourceLike, UsageExporter, UsageExporterOptions } from './types.ts';

export { type ExporterConfig, type OtlpToken, otlpToken, readExporterConfig } from './config.ts';
export type {
  ResourceLike,
  SpoolState,
  UsageEvent,
  UsageExporter,
  UsageExporterOptions,
  UsageExporterStats,
} from './types.ts';

/**
 * The way usage events leave this process: to the spool on disk at once, from there to the Collector or ClickHouse until acknowledged,
 * also across the ends of the process. Never throws.
 * @param options resource and scope version of the events
 * @param env configuration, see exporter/README.md; malformed values are reported through `diag`
 */
export function createUsageExporter(
  options: UsageExporterOptions = {},
  env: NodeJS.ProcessEnv = process.env,
): UsageExporter {
  let config: ExporterConfig | undefined;
  try {
    config = readExporterConfig(env);
    if (config.exporter !== 'none') {
      const resource = options.resource ?? environmentResource();
      return new SpoolingExporter(config, resource, options.scopeVersion ?? '', env);
    }
    log('info', 'CLIENT_COST_EXPORTER=none: usage events are not sent');
  } catch (error) {
    log('error', `usage events are NOT recorded: ${messageOf(error)}`);
  }
  return discardingExporter(config === undefined || config.exporter !== 'none');
}

/**
 * Work to do when the program returns or a signal ends it, beside the delivery of usage events and within its deadline:
 * a flush of spans and metrics. Holds while this process or worker thread has a usage exporter; never changes how it ends.
 */
export function onProcessEnd(work: LastWork): void {
  processEnds(drainInChild).addLastWork(work);
}

/**
 * Work for the last moment before a signal ends the process: synchronous, nothing of the program runs after it. Events that it emits are
 * written, and sent by a short-lived child process where the destination took the ones before.
 */
export function onLastMoment(work: () => void): void {
  processEnds(drainInChild).addLastMoment(work);
}

/** `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` of the process. The package takes 100 ms to load: only without a resource. */
function environmentResource(): ResourceLike {
  try {
    const { defaultResource, detectResources, envDetector } =
      require('@opentelemetry/resources') as typeof import('@opentelemetry/resources');
    return defaultResource().merge(detectResources({ detectors: [envDetector] }));
  } catch (error) {
    // A loader of the application's that cannot resolve it (ts-node 10): who emits is worth less than what was used.
    log('warn', `@opentelemetry/resources cannot be loaded: events name OTEL_SERVICE_NAME alone: ${messageOf(error)}`);
    return { attributes: { 'service.name': process.env.OTEL_SERVICE_NAME || 'unknown_service:node' } };
  }
}

function discardingExporter(broken: boolean): UsageExporter {
  let emitted = 0;
  return {
    emit: () => {
      emitted++;
    },
    flush: async () => !broken,
    shutdown: async () => !broken,
    stats: () => ({
      emitted,
      delivered: 0,
      pending: 0,
      failures: 0,
      replayed: 0,
      rejected: 0,
      dropped: broken ? emitted : 0,
    }),
    spool: () => ({
      pending: 0,
      bytes: 0,
      oldestAgeMs: 0,
      dropped: broken ? emitted : 0,
      rejected: 0,
      failures: 0,
      memory: 0,
    }),
  };
}
