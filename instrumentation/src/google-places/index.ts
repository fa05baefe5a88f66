import { createRequire } from 'node:module';
import { packageInstrumentation } from '../instrument/package-instrumentation.ts';
import { observePlaces } from './observe.ts';
import { GOOGLE_PLACES_PACKAGES } from './packages.ts';
import type { GooglePlacesInstrumentationConfig } from './types.ts';

export type { GooglePlacesInstrumentationConfig } from './types.ts';

const lazyRequire = createRequire(__filename);
const load = () => (lazyRequire('./patching.js') as typeof import('./patching.ts')).googlePlacesPatch;

/**
 * Records every billable request to Google's Places API, legacy and new: through `@googlemaps/places` (majors 2 and 3, CommonJS
 * and ESM), and any HTTP client of Node.js, `@googlemaps/google-maps-services-js` included.
 */
export class GooglePlacesInstrumentation extends packageInstrumentation<GooglePlacesInstrumentationConfig>(
  GOOGLE_PLACES_PACKAGES,
  load,
) {
  // Set by enable(), which the base class calls before field initialisers run.
  declare private _stop: (() => void) | undefined;

  override enable(): void {
    super.enable();
    this._stop ??= observePlaces(this.getConfig().hosts);
  }

  override disable(): void {
    super.disable();
    this._stop?.();
    this._stop = undefined;
  }
}
