import { environment } from '../environment.ts';
import { quote, warnOnce } from '../log.ts';
import type { StripeInstrumentationConfig } from './types.ts';

const TEST_MODE = 'CLIENT_COST_STRIPE_TEST_MODE';
const CLIENT_METADATA = 'CLIENT_COST_STRIPE_CLIENT_METADATA';

let configured: StripeInstrumentationConfig = {};
/** Read once: reading the environment costs microseconds. */
let fromEnvironment: { readonly free: boolean; readonly metadata: string | undefined } | undefined;

/** `resetEnvironment` reads the environment anew (tests). */
export function configure(config: StripeInstrumentationConfig, resetEnvironment = false): void {
  configured = config;
  if (resetEnvironment) fromEnvironment = undefined;
}

/** Whether payments in Stripe's test mode are recorded at 0. */
export function isTestModeFree(): boolean {
  const { testMode } = configured;
  return testMode === undefined ? variables().free : isFree(testMode, 'testMode');
}

/** The key of Stripe's metadata that holds the client; undefined where there is none. */
export function clientMetadataKey(): string | undefined {
  return configured.clientMetadata || variables().metadata;
}

function variables(): { readonly free: boolean; readonly metadata: string | undefined } {
  fromEnvironment ??= {
    free: isFree(environment()[TEST_MODE]?.trim() ?? '', TEST_MODE),
    metadata: environment()[CLIENT_METADATA]?.trim() || undefined,
  };
  return fromEnvironment;
}

function isFree(mode: string, source: string): boolean {
  if (mode === 'free') return true;
  if (mode !== 'priced' && mode !== '') {
    warnOnce(`stripe:${source}`, `${source} must be "priced" or "free", not ${quote(mode)}; "priced" is used`);
  }
  return false;
}
