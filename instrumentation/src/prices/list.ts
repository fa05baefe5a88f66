import { readFileSync } from 'node:fs';
import { formatDecimal } from '../money.ts';
import { METERS, type MeterRates, parsePrices } from './entry.ts';
import { LIBRARY_VERSION, libraryModels, libraryPrice } from './library.ts';
import { OVERLAY_VERSION, overlayFiles, unitFiles } from './overlay.ts';
import { providerId } from './providers.ts';

/** One price as it stands in its file or in the library, with where it is from. Prices are decimal text in USD. */
export interface ListedPrice {
  readonly layer: 'user' | 'overlay' | 'genai-prices';
  readonly service?: string | undefined;
  readonly provider?: string | undefined;
  readonly operation?: string | undefined;
  readonly model?: string | undefined;
  readonly modelPrefix?: string | undefined;
  readonly sku?: string | undefined;
  readonly skuPrefix?: string | undefined;
  readonly tier: string;
  readonly unit?: string | undefined;
  /** Included. */
  readonly from?: string | undefined;
  /** Not included. */
  readonly to?: string | undefined;
  readonly usdPerUnit?: string | undefined;
  readonly usdFixed?: string | undefined;
  /** Per million tokens, by meter (`input`, `cached_input`, …). */
  readonly usdPerMillion?: Readonly<Record<string, string>> | undefined;
  /** Rates of calls with more input tokens than that. */
  readonly above?: readonly {
    readonly inputTokens: number;
    readonly usdPerMillion: Readonly<Record<string, string>>;
  }[];
  readonly usdPerRequest?: string | undefined;
  readonly source?: string | undefined;
  /** The day the figure was last compared with its source. */
  readonly checked?: string | undefined;
  readonly note?: string | undefined;
  /** Another one of the same names counts instead: a layer above has it, or a later line of the same file. */
  readonly hidden: boolean;
}

export interface ListOptions {
  /** The moment whose prices are asked for. */
  readonly on: Date;
  /** Path of the user's price file; unset or empty: none. */
  readonly userFile?: string | undefined;
  /** `usage.service`, or a provider's name. */
  readonly service?: string | undefined;
  readonly operation?: string | undefined;
  /** Also finds its family and prefixes, as a call of that model would. */
  readonly model?: string | undefined;
  readonly sku?: string | undefined;
  readonly unit?: string | undefined;
}

type Raw = Record<string, unknown>;

/**
 * What things cost at a moment and where each figure is from: the user's file, the overlay, the library, in that order. Reads the files again:
 * nothing of it is kept for the calls. Entries that are not valid are left out (`validatePriceFile` says which).
 *
 * @throws the file system's error when the user's file cannot be read, SyntaxError when it is no JSON
 */
export function listPrices(options: ListOptions): ListedPrice[] {
  const user = options.userFile?.trim()
    ? [JSON.parse(readFileSync(options.userFile, 'utf8').replace(/^\uFEFF/, ''))]
    : [];
  const found = [
    ...user.flatMap((file) => fromFile(file, 'user', options)),
    ...[...overlayFiles(), ...unitFiles()].flatMap((file) => fromFile(file, 'overlay', options)),
    ...fromLibrary(options),
  ];
  const counted = new Set<string>();
  return found.map((price) => {
    const key = JSON.stringify(namesOf(price));
    const hidden = counted.has(key);
    counted.add(key);
    return { ...price, hidden };
  });
}

/** By what a price is found: two with the same names exclude each other. */
function namesOf(price: Omit<ListedPrice, 'hidden'>): unknown[] {
  const { service, provider, operation, model, modelPrefix, sku, skuPrefix, tier, unit } = price;
  // A price per token has no unit, and its service is its provider.
  const whose = unit === undefined ? (provider ?? providerId(service ?? '')) : [service, provider];
  return [whose, operation, model ?? sku, modelPrefix ?? skuPrefix, tier, unit];
}

function fromFile(content: unknown, layer: 'user' | 'overlay', options: ListOptions): Omit<ListedPrice, 'hidden'>[] {
  const list = isObject(content) ? content.prices : content;
  if (!Array.isArray(list)) return [];
  const defaults = isObject(content) && isObject(content.defaults) ? content.defaults : {};
  const at = options.on.getTime();
  const result: { from: number; line: number; price: Omit<ListedPrice, 'hidden'> }[] = [];
  for (const [line, own] of list.entries()) {
    const raw = isObject(own) ? { ...defaults, ...own } : {};
    const [entry] = parsePrices([raw]).entries;
    if (entry === undefined || at < entry.from || at >= entry.to) continue;
    const price: Omit<ListedPrice, 'hidden'> = {
      layer,
      service: entry.service,
      provider: entry.provider,
      operation: entry.operation,
      ...(raw.sku === undefined ? { model: entry.model } : { sku: entry.model }),
      ...(raw.sku_prefix === undefined ? { modelPrefix: entry.modelPrefix } : { skuPrefix: entry.modelPrefix }),
      tier: entry.tier,
      unit: entry.unit,
      from: text(raw.from),
      to: text(raw.to),
      usdPerUnit: entry.perUnit && formatDecimal(entry.perUnit),
      usdFixed: entry.fixed && formatDecimal(entry.fixed),
      ...tokenPrices(entry.tokens),
      source: text(raw.source),
      checked: text(raw.checked) ?? (layer === 'overlay' ? OVERLAY_VERSION : undefined),
      note: text(raw.note),
    };
    if (isAskedFor(price, options)) result.push({ from: entry.from, line, price });
  }
  // Of two with the same names the later start counts, then the later line.
  return result.sort((a, b) => compareStart(b.from, a.from) || b.line - a.line).map(({ price }) => price);
}

const compareStart = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1);

function tokenPrices(
  tokens: ReturnType<typeof parsePrices>['entries'][number]['tokens'],
): Pick<ListedPrice, 'usdPerMillion' | 'above' | 'usdPerRequest'> {
  if (tokens === undefined) return {};
  return {
    ...(Object.keys(tokens.rates).length === 0 ? {} : { usdPerMillion: ratesOf(tokens.rates) }),
    ...(tokens.bands.length === 0
      ? {}
      : { above: tokens.bands.map(({ inputTokens, rates }) => ({ inputTokens, usdPerMillion: ratesOf(rates) })) }),
    ...(tokens.perRequest === undefined ? {} : { usdPerRequest: formatDecimal(tokens.perRequest) }),
  };
}

function ratesOf(rates: MeterRates): Record<string, string> {
  const result: Record<string, string> = {};
  for (const meter of METERS) {
    const rate = rates[meter];
    if (rate !== undefined) result[meter] = formatDecimal(rate);
  }
  return result;
}

const SNAPSHOT = /-\d{4}-\d{2}-\d{2}$/;

function isAskedFor(price: Omit<ListedPrice, 'hidden'>, asked: ListOptions): boolean {
  const service = normal(asked.service);
  const fitsName = (name: string | undefined, prefix: string | undefined, wanted: string): boolean =>
    wanted === '' ||
    name === wanted ||
    name === wanted.replace(SNAPSHOT, '') ||
    (prefix !== undefined && wanted.startsWith(prefix));
  return (
    (service === '' ||
      price.service === service ||
      (price.service === undefined && price.provider === providerId(service))) &&
    (normal(asked.operation) === '' || price.operation === undefined || price.operation === normal(asked.operation)) &&
    (normal(asked.unit) === '' || price.unit === normal(asked.unit)) &&
    fitsName(price.model, price.modelPrefix, normal(asked.model)) &&
    fitsName(price.sku, price.skuPrefix, normal(asked.sku))
  );
}

/** Models by name, or all of a provider that the library knows. */
function fromLibrary(options: ListOptions): Omit<ListedPrice, 'hidden'>[] {
  const [service, model] = [normal(options.service), normal(options.model)];
  if (normal(options.sku) !== '' || normal(options.unit) !== '' || (service === '' && model === '')) return [];
  const providers = service === '' ? LIBRARY_PROVIDERS : [providerId(service)];
  return providers.flatMap((provider) => {
    const known = libraryModels(provider);
    const models = model === '' ? known.ids : [model];
    return models.flatMap((name) => {
      const { price } = libraryPrice(provider, name, options.on);
      if (price === undefined) return [];
      return [
        {
          layer: 'genai-prices' as const,
          provider,
          model: name,
          tier: 'standard',
          ...tokenPrices(price),
          source: known.source,
          note: `genai-prices ${LIBRARY_VERSION}`,
        },
      ];
    });
  });
}

/** Where a model's name is looked for when no provider is given. */
const LIBRARY_PROVIDERS = [
  ...[
    'openai',
    'azure',
    'anthropic',
    'google',
    'aws',
    'groq',
    'mistral',
    'deepseek',
    'x-ai',
    'cohere',
    'together',
    'fireworks',
  ],
  ...['perplexity', 'openrouter', 'cerebras', 'moonshotai', 'voyageai', 'novita', 'ovhcloud', 'avian', 'zai'],
];

const normal = (name: string | undefined): string => (name ?? '').trim().toLowerCase();
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function isObject(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
