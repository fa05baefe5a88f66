import type * as GenaiPrices from '@pydantic/genai-prices';
import { type Decimal, decimalOf, shift } from '../money.ts';
import type { Meter, TokenRates } from './entry.ts';

type Library = Pick<typeof GenaiPrices, 'calcPrice' | 'findProvider'>;

/** The version pinned in package.json (a test compares the two): read here without touching the disk. */
export const LIBRARY_VERSION = '0.1.8';

/** How long a rate of the library holds after it was read: its price changes at midnight UTC, or within the day. */
export type Holds = 'day' | 'minute';

export type LibraryAnswer =
  | { readonly price: TokenRates; readonly holds: Holds; readonly reason?: undefined }
  /** `known`: the model is meant, and another name of the call must not be priced instead. */
  | { readonly price?: undefined; readonly reason: string; readonly known: boolean };

/** Rates per million tokens that this project has a meter for. */
const METER_OF: Readonly<Record<string, Meter>> = {
  input_mtok: 'input',
  cache_read_mtok: 'cached_input',
  cache_write_mtok: 'cache_write',
  output_mtok: 'output',
  output_reasoning_mtok: 'reasoning_output',
  input_audio_mtok: 'audio_input',
  cache_audio_read_mtok: 'cached_audio_input',
  output_audio_mtok: 'audio_output',
};

/** Meters that every call of such a model may run up, and that no token count of ours reports: no sum without them. */
const UNSEEN = ['output_image_mtok', 'output_video_mtok', 'output_citation_mtok'];

/** OpenAI's long-context rates begin above 272,000 input tokens; 0.1.8 lets them begin at that number for some models. */
const BOUNDARY_FIXES = new Map([[271_999, 272_000]]);

let loaded: Library | Error | undefined;

/** Loads the library (about 50 ms, once). Never throws: a failure is answered by every {@link libraryPrice}. */
export function loadLibrary(): Library | Error {
  if (loaded === undefined) {
    try {
      loaded = require('@pydantic/genai-prices') as Library;
    } catch (error) {
      loaded = error instanceof Error ? error : new Error(String(error));
    }
  }
  return loaded;
}

/**
 * The library's rates for a model on a date: its matching and its dates, our decimals.
 * Amounts are not taken from it: they are binary floats, and a missing meter counts as 0 there.
 */
export function libraryPrice(provider: string, model: string, at: Date): LibraryAnswer {
  const library = loadLibrary();
  if (library instanceof Error)
    return { reason: `the price library cannot be loaded: ${library.message}`, known: false };
  try {
    // Exact ids only: by its loose matching any name containing "openai" would be billed as OpenAI.
    if (library.findProvider({ providerId: provider })?.id !== provider) {
      return { reason: `no prices are known for provider ${provider}`, known: false };
    }
    const found = library.calcPrice({}, model, { providerId: provider, timestamp: at });
    if (isFineTuned(model) && !/(^|[.:-])ft([.:-]|$)/.test(found?.model.id ?? '')) {
      return { reason: `no price is known for fine-tuned model ${model}`, known: true };
    }
    if (!found) return { reason: `no price is known for model ${model} of ${provider}`, known: false };
    const price = isFree(model, found.model_price) ? FREE : toRates(found.model_price);
    if (typeof price === 'string') return { reason: `model ${model} ${price}`, known: true };
    const inDay =
      Array.isArray(found.model.prices) && found.model.prices.some((p) => p.constraint?.type === 'time_of_date');
    return { price, holds: inDay ? 'minute' : 'day' };
  } catch (error) {
    return { reason: `the price library failed on model ${model}: ${(error as Error).message}`, known: true };
  }
}

/** The models that the library has of a provider, and where their prices are from; for lists of prices. Never throws. */
export function libraryModels(provider: string): {
  readonly ids: readonly string[];
  readonly source: string | undefined;
} {
  const library = loadLibrary();
  const found = library instanceof Error ? undefined : library.findProvider({ providerId: provider });
  if (found?.id !== provider) return { ids: [], source: undefined };
  return { ids: found.models.map(({ id }) => id), source: found.pricing_urls?.[0] };
}

function isFineTuned(model: string): boolean {
  return model.startsWith('ft:') || model.includes('.ft-') || model.includes(':ft-');
}

const ZERO = decimalOf(0);
const FREE: TokenRates = { rates: { input: ZERO, output: ZERO }, bands: [] };

/** `deepseek/deepseek-r1:free` and the like cost nothing; the library has no rates for them. */
function isFree(model: string, price: GenaiPrices.ModelPrice): boolean {
  return model.endsWith(':free') && Object.keys(price).length === 0;
}

function toRates(price: GenaiPrices.ModelPrice): TokenRates | string {
  for (const key of UNSEEN) {
    if (price[key] !== undefined) return `is also priced by ${key}, which the reported token counts do not show`;
  }
  // An image model's output is images, and its input may be: text rates alone would be a guess.
  if (price.input_image_mtok !== undefined && price.input_audio_mtok === undefined) {
    return 'is also priced by input_image_mtok, which the reported token counts do not show';
  }
  const rates: Partial<Record<Meter, Decimal>> = {};
  const bands = new Map<number, Partial<Record<Meter, Decimal>>>();
  for (const [key, meter] of Object.entries(METER_OF)) {
    const value = price[key];
    if (value === undefined) continue;
    rates[meter] = decimalOf(typeof value === 'number' ? value : value.base);
    if (typeof value === 'number') continue;
    for (const tier of value.tiers) {
      const start = BOUNDARY_FIXES.get(tier.start) ?? tier.start;
      bands.set(start, { ...bands.get(start), [meter]: decimalOf(tier.price) });
    }
  }
  const perRequest = price.requests_kcount;
  if (perRequest !== undefined && typeof perRequest !== 'number') return 'has tiered prices per request';
  if (Object.keys(rates).length === 0 && perRequest === undefined) return 'is not priced by tokens';
  let last: Partial<Record<Meter, Decimal>> = rates;
  const ascending = [...bands].sort(([a], [b]) => a - b);
  return {
    rates,
    bands: ascending.map(([inputTokens, own]) => {
      last = { ...last, ...own };
      return { inputTokens, rates: last };
    }),
    perRequest: perRequest === undefined ? undefined : shift(decimalOf(perRequest), 3),
  };
}
