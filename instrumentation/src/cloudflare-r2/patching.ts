import type { ProviderPatch } from '../instrument/package-instrumentation.ts';
import { configureHosts } from './hosts.ts';
import { stopWatching, wrapSend } from './middleware.ts';
import type { CloudflareR2InstrumentationConfig } from './types.ts';

export const r2Patch: ProviderPatch<CloudflareR2InstrumentationConfig> = {
  /** `send` of S3 clients only: the base class that has it is shared by the clients of all AWS services. */
  targets(exports) {
    const module = exports as { readonly S3Client?: unknown } | undefined;
    const prototype = [module?.S3Client, module]
      .map((candidate) => (typeof candidate === 'function' ? (candidate.prototype as { send?: unknown }) : undefined))
      .find((candidate) => typeof candidate?.send === 'function');
    return prototype === undefined ? [] : [{ object: prototype, wraps: { send: wrapSend } }];
  },
  configure({ providerHosts }, before) {
    // A second instrumentation without the setting leaves the first one's alone.
    if (providerHosts !== before.providerHosts) configureHosts(providerHosts);
  },
  restore: stopWatching,
};
