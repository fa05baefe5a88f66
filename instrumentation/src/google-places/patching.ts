import type { ProviderPatch, Target } from '../instrument/package-instrumentation.ts';
import { METHODS, silenceClients, wrapInitialize } from './client.ts';
import type { GooglePlacesInstrumentationConfig } from './types.ts';

type Exports = { PlacesClient?: unknown; v1?: { PlacesClient?: unknown }; default?: Exports; prototype?: unknown };

export const googlePlacesPatch: ProviderPatch<GooglePlacesInstrumentationConfig> = {
  /** The client's prototype in the package's exports, or the class itself. */
  targets(exports): readonly Target[] {
    const module = exports as Exports | undefined;
    const found = [module?.PlacesClient, module?.v1?.PlacesClient, module?.default?.PlacesClient, module]
      .map((candidate) => (candidate as { prototype?: Record<string, unknown> } | undefined)?.prototype)
      .find((own) => own && typeof own.initialize === 'function' && typeof own[METHODS[0]] === 'function');
    if (found === undefined) return [];
    return [{ object: found, wraps: { initialize: wrapInitialize } }];
  },
  restore: silenceClients,
};
