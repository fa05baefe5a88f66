import type { InstrumentationConfig } from '@opentelemetry/instrumentation';

export interface StripeInstrumentationConfig extends InstrumentationConfig {
  /**
   * What payments in Stripe's test mode (`sk_test_…`) cost: `priced` (default) as if they were real, so that a staging
   * system shows what it would cost; `free`: recorded at 0. Default: `CLIENT_COST_STRIPE_TEST_MODE`.
   */
  readonly testMode?: 'priced' | 'free';
  /**
   * The key of a Stripe object's metadata that names the client, for webhooks and other reports in which no client is in force.
   * Default: `CLIENT_COST_STRIPE_CLIENT_METADATA`, else none.
   */
  readonly clientMetadata?: string;
}
