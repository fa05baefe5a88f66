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

/** This project's prices over the library's: tiers, and what it lacks or gets wrong. Loaded at first use. */
export function overlayLayer(): PriceLayer {
  layer ??= new PriceLayer(overlayFiles().flatMap((file) => parsePrices(file).entries));
  return layer;
}
