import type { ProviderPatch, Target } from '../instrument/package-instrumentation.ts';
import { clientPrototype, wrapRequest } from './patch.ts';
import type { TwilioInstrumentationConfig } from './types.ts';

const WRAPS: Target['wraps'] = { request: wrapRequest };

export const twilioPatch: ProviderPatch<TwilioInstrumentationConfig> = {
  /** The client's prototype in whatever was loaded: the package, one of its files, or the class itself. */
  targets(exports) {
    const module = exports as { [name: string]: unknown } | undefined;
    const inner = module?.default as { [name: string]: unknown } | undefined;
    // 4.0.0 exports `BaseTwilio`, all others a namespace with the class `Client`.
    const prototype = [module?.Twilio, inner?.Twilio, module?.Client, inner?.Client, module?.BaseTwilio, inner, module]
      .map((candidate) => clientPrototype(candidate))
      .find((found) => found !== undefined);
    return prototype === undefined ? [] : [{ object: prototype, wraps: WRAPS }];
  },
};
