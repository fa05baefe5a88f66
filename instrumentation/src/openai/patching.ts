import type { ProviderPatch, Target } from '../instrument/package-instrumentation.ts';
import { clientPrototype, wrapMakeRequest, wrapPost, wrapRequest } from './patch.ts';
import { restorePromises } from './promise.ts';
import { configureProviderHosts } from './provider.ts';
import type { OpenAIInstrumentationConfig } from './types.ts';

const WRAPS: Target['wraps'] = { post: wrapPost, request: wrapRequest, makeRequest: wrapMakeRequest };

export const openaiPatch: ProviderPatch<OpenAIInstrumentationConfig> = {
  /** The client's prototype in whatever was loaded: the package, one of its files, or the class itself. */
  targets(exports) {
    const module = exports as { [name: string]: unknown } | undefined;
    const prototype = [module?.OpenAI, module?.AzureOpenAI, module?.APIClient, module?.default, module]
      .map((candidate) => clientPrototype(candidate))
      .find((found) => found !== undefined);
    return prototype === undefined ? [] : [{ object: prototype, wraps: WRAPS }];
  },
  configure({ providerHosts }, before) {
    // A second instrumentation without the setting leaves the first one's alone.
    if (providerHosts !== before.providerHosts) configureProviderHosts(providerHosts);
  },
  restore: restorePromises,
};
