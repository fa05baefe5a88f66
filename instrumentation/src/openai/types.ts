import type { InstrumentationConfig } from '@opentelemetry/instrumentation';

export interface OpenAIInstrumentationConfig extends InstrumentationConfig {
  /**
   * Who is behind a host that the table does not know, or knows wrongly: `{ 'gateway.corp:8443': 'openai' }`.
   * Goes before `CLIENT_COST_PROVIDER_HOSTS`, which has the same meaning.
   */
  readonly providerHosts?: Readonly<Record<string, string>> | undefined;
}
