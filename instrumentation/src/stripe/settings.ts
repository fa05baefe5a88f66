import { quote, warnOnce } from '../log.ts';
import type { StripeInstrumentationConfig } from './types.ts';

const TEST_MODE = 'CLIENT_COST_STRIPE_TEST_MODE';
const CLIENT_METADATA = 'CLIENT_COST_STRIPE_CLIENT_METADATA';

let configured: StripeInstrumentationConfig = {};

export function configure(config: StripeInstrumentationConfig): void {
  configured = config;
}

/** Whether payments in Stripe's test mode are recorded at 0. */
export function isTestModeFree(): boolean {
  const mode = configured.testMode ?? process.env[TEST_MODE] ?? 'priced';
  if (mode === 'free') return true;
  if (mode !== 'priced' && mode !== '') {
    warnOnce('stripe:test-mode', `${TEST_MODE} must be "priced" or "free", not ${quote(mode)}; "priced" is used`);
  }
  return false;
}

/** The key of Stripe's metadata that holds the client; undefined where there is none. */
export function clientMetadataKey(): string | undefined {
  return configured.clientMetadata || process.env[CLIENT_METADATA] || undefined;
}
