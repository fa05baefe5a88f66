import type { Instrumentation } from '@opentelemetry/instrumentation';
import { getConfig } from './config.ts';
import { PROVIDERS, type ProviderConfig } from './providers.ts';
import { startRecording, warmUp } from './start.ts';

export { currentScope, setClient, usageContext, withClient } from './attribution/index.ts';
export { OpenAIInstrumentation } from './openai/index.ts';
export type { PriceBook, PriceRequest, Problem } from './prices/index.ts';
export { loadPriceBook, validatePriceFile } from './prices/index.ts';
export type { ProviderConfig } from './providers.ts';
export type { UsageRecord } from './record-usage.ts';
export { recordUsage } from './record-usage.ts';
export { getRecorder, setRecorder } from './recorder/index.ts';
export { flush } from './start.ts';
export type {
  BillableCall,
  CallEnd,
  CallStart,
  CostSource,
  Price,
  Recorder,
  TokenUsage,
  UsageOutcome,
  UsageScope,
} from './types.ts';

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
    holder[INSTANCES] = PROVIDERS.map((provider) => provider.create(config));
    warmUp();
  }
  return [...holder[INSTANCES]];
}
