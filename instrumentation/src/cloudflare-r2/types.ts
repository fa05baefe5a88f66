import type { InstrumentationConfig } from '@opentelemetry/instrumentation';

export interface CloudflareR2InstrumentationConfig extends InstrumentationConfig {
  /**
   * Hosts beside `*.r2.cloudflarestorage.com` that R2 is behind (a proxy, a stand-in): `{ 'storage.corp:8443': 'cloudflare_r2' }`.
   * Goes before `CLIENT_COST_PROVIDER_HOSTS`, which has the same meaning. Any other value says that the host is not R2.
   */
  readonly providerHosts?: Readonly<Record<string, string>> | undefined;
}
