import type { InstrumentationConfig } from '@opentelemetry/instrumentation';

export interface GooglePlacesInstrumentationConfig extends InstrumentationConfig {
  /**
   * Hosts beside Google's own two that serve the Places API, such as a gateway: `['gateway.corp:8443']`.
   * `CLIENT_COST_PROVIDER_HOSTS=gateway.corp:8443=google_places` does the same.
   */
  readonly hosts?: readonly string[] | undefined;
}
