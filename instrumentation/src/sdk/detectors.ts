import { getStringListFromEnv } from '@opentelemetry/core';
import {
  envDetector,
  hostDetector,
  osDetector,
  processDetector,
  type ResourceDetector,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';

const DETECTORS: Readonly<Record<string, ResourceDetector>> = {
  env: envDetector,
  host: hostDetector,
  os: osDetector,
  process: withoutArguments(processDetector),
  serviceinstance: serviceInstanceIdDetector,
};

/** What describes this process on its telemetry, by `OTEL_NODE_RESOURCE_DETECTORS`, as the SDK reads it: all by default, none for `none`. */
export function resourceDetectors(): ResourceDetector[] {
  const names = getStringListFromEnv('OTEL_NODE_RESOURCE_DETECTORS') ?? ['all'];
  if (names.includes('none')) return [];
  const wanted = names.includes('all') || names.length === 0 ? Object.keys(DETECTORS) : names;
  return wanted.flatMap((name) => DETECTORS[name] ?? []);
}

/** The arguments of a process may have a password among them. An application with an SDK of its own decides for itself. */
function withoutArguments(detector: ResourceDetector): ResourceDetector {
  return {
    detect(config) {
      const { attributes = {}, ...rest } = detector.detect(config);
      const { 'process.command_args': _args, 'process.command_line': _line, ...others } = attributes;
      return { ...rest, attributes: others };
    },
  };
}
