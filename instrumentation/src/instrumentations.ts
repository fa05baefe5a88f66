import type { Instrumentation } from '@opentelemetry/instrumentation';
import { getConfig } from './config.ts';
import { createInstrumentations, type ProviderConfig } from './providers.ts';
import { startRecording, warmUp } from './start.ts';

const INSTANCES = Symbol.for('client-cost instrumentations');

/**
 * The instrumentations of every provider, to hand to the application's own NodeSDK:
 * `new NodeSDK({ instrumentations: clientCostInstrumentations() }).start()`. Spans and counters go to that SDK; usage
 * events go their own, unsampled way. One set per process: a second call, or `register` besides, gives the same
 * objects, so nothing is patched or recorded twice; the first call's configuration holds.
 */
export function clientCostInstrumentations(config: ProviderConfig = {}): Instrumentation[] {
  if (getConfig().disabled) return [];
  const holder = globalThis as { [INSTANCES]?: Instrumentation[] };
  if (holder[INSTANCES] === undefined) {
    startRecording();
    holder[INSTANCES] = createInstrumentations(config);
    warmUp();
  }
  return [...holder[INSTANCES]];
}
