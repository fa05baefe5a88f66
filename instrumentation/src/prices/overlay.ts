import { parsePrices } from './entry.ts';
import { PriceLayer } from './layer.ts';

/** The day the overlay's figures were last checked against their sources. */
export const OVERLAY_VERSION = '2026-11-22';

let layer: PriceLayer | undefined;

/** The content of the overlay's files, in order. */
export function overlayFiles(): unknown[] {
  return [
    require('./data/openai.json'),
    require('./data/openai-batch.json'),
    require('./data/openai-flex.json'),
    require('./data/openai-priority.json'),
    require('./data/others.json'),
  ];
}

/** The content of the files with prices per unit, one per provider. */
export function unitFiles(): unknown[] {
  return [
    require('./data/twilio.json'),
    require('./data/stripe.json'),
    require('./data/google-places.json'),
    require('./data/cloudflare-r2.json'),
  ];
}

let units: PriceLayer | undefined;

/** What is not paid by token. Loaded at the first call of such a service: a service that makes none never pays for it. */
export function unitsLayer(): PriceLayer {
  units ??= new PriceLayer(unitFiles().flatMap((file) => parsePrices(file).entries));
  return units;
}

/** This project's prices over the library's: tiers, and what it lacks or gets wrong. Loaded at first use. */
export function overlayLayer(): PriceLayer {
  layer ??= new PriceLayer(overlayFiles().flatMap((file) => parsePrices(file).entries));
  return layer;
}
