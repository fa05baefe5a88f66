import { type Decimal, parseDecimal } from '../money.ts';
import { providerId } from './providers.ts';

/** The token meters that a price may name. */
export const METERS = [
  'input',
  'cached_input',
  'cache_write',
  'output',
  'reasoning_output',
  'audio_input',
  'cached_audio_input',
  'audio_output',
] as const;
export type Meter = (typeof METERS)[number];

/** USD per million tokens, exact. A meter that is absent has no rate of its own. */
export type MeterRates = Readonly<Partial<Record<Meter, Decimal>>>;

/** What a priced model costs: rates, rates beyond a number of input tokens, a price per call. */
export interface TokenRates {
  readonly rates: MeterRates;
  /** Long-context rates: the last band whose `inputTokens` is exceeded prices the whole call. Ascending. */
  readonly bands: readonly { readonly inputTokens: number; readonly rates: MeterRates }[];
  readonly perRequest?: Decimal | undefined;
  /** The price of a call with more input tokens than this is not known. */
  readonly upToInputTokens?: number | undefined;
}

/** One line of a price file, validated. Times are milliseconds, `from` inclusive, `to` exclusive. */
export interface PriceEntry {
  readonly provider?: string | undefined;
  readonly service?: string | undefined;
  readonly operation?: string | undefined;
  readonly model?: string | undefined;
  readonly modelPrefix?: string | undefined;
  /** `standard`, a tier's name, or `*`. */
  readonly tier: string;
  readonly from: number;
  readonly to: number;
  readonly tokens?: TokenRates | undefined;
  readonly unit?: string | undefined;
  readonly perUnit?: Decimal | undefined;
  /** USD for each event, beside `perUnit`. */
  readonly fixed?: Decimal | undefined;
}

/** What one unit of a currency is worth in USD during a time. */
export interface ExchangeRate {
  /** ISO 4217, upper case. */
  readonly currency: string;
  readonly usd: Decimal;
  readonly from: number;
  readonly to: number;
}

/** What is wrong in a price file: where (`prices[3].usd_per_million.input`) and why, naming the value. */
export interface Problem {
  readonly path: string;
  readonly message: string;
}

export interface ParsedPrices {
  readonly entries: readonly PriceEntry[];
  readonly rates?: readonly ExchangeRate[];
  readonly problems: readonly Problem[];
}

/** Every field of an entry. */
export const ENTRY_KEYS: ReadonlySet<string> = new Set([
  'provider',
  'service',
  'operation',
  'model',
  'model_prefix',
  'sku',
  'sku_prefix',
  'tier',
  'from',
  'to',
  'usd_per_million',
  'above',
  'up_to_input_tokens',
  'usd_per_request',
  'unit',
  'usd_per_unit',
  'usd_fixed',
  'source',
  'checked',
  'note',
]);

const RATE_KEYS: ReadonlySet<string> = new Set(['currency', 'usd', 'from', 'to', 'source', 'checked', 'note']);

/** Validates the content of a price file (docs/prices.md). Bad entries are left out and named in `problems`. */
export function parsePrices(content: unknown): ParsedPrices {
  const list = isObject(content) ? content.prices : content;
  if (!Array.isArray(list)) {
    const message = `expected {"prices": [...]} or a list of prices, got ${describe(content)}`;
    return { entries: [], problems: [{ path: '(file)', message }] };
  }
  const entries: PriceEntry[] = [];
  const problems: Problem[] = [];
  const defaults = isObject(content) && content.defaults !== undefined ? content.defaults : {};
  if (!isObject(defaults)) {
    const message = `expected an object, got ${describe(defaults)}`;
    return { entries: [], problems: [{ path: 'defaults', message }] };
  }
  list.forEach((raw, index) => {
    const reader = new EntryReader(`prices[${index}]`);
    const entry = reader.read(isObject(raw) ? { ...defaults, ...raw } : raw);
    if (reader.problems.length === 0) entries.push(entry);
    problems.push(...reader.problems);
  });
  const rates = isObject(content) && content.exchange_rates !== undefined ? content.exchange_rates : [];
  if (!Array.isArray(rates)) {
    problems.push({ path: 'exchange_rates', message: `expected a list, got ${describe(rates)}` });
    return { entries, problems };
  }
  const exchange: ExchangeRate[] = [];
  rates.forEach((raw, index) => {
    const reader = new EntryReader(`exchange_rates[${index}]`);
    const rate = reader.readRate(raw);
    if (rate !== undefined && reader.problems.length === 0) exchange.push(rate);
    problems.push(...reader.problems);
  });
  return { entries, rates: exchange, problems };
}

class EntryReader {
  readonly problems: Problem[] = [];
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  read(raw: unknown): PriceEntry {
    const none: PriceEntry = { tier: 'standard', from: 0, to: 0 };
    if (!isObject(raw)) {
      this.#bad('', `expected an object, got ${describe(raw)}`);
      return none;
    }
    for (const key of Object.keys(raw)) {
      if (!ENTRY_KEYS.has(key)) this.#bad(key, `is not known; known are ${[...ENTRY_KEYS].join(', ')}`);
    }
    const from = this.#date(raw, 'from', Number.NEGATIVE_INFINITY);
    const to = this.#date(raw, 'to', Number.POSITIVE_INFINITY);
    if (from >= to) this.#bad('to', `${describe(raw.to)} is not after "from" (${describe(raw.from)})`);
    const entry: PriceEntry = {
      provider: this.#provider(raw),
      service: this.#name(raw, 'service'),
      operation: this.#name(raw, 'operation'),
      model: this.#name(raw, 'model') ?? this.#name(raw, 'sku'),
      modelPrefix: this.#name(raw, 'model_prefix') ?? this.#name(raw, 'sku_prefix'),
      tier: this.#name(raw, 'tier') ?? 'standard',
      from,
      to,
      tokens: this.#tokens(raw),
      unit: this.#name(raw, 'unit'),
      perUnit: raw.usd_per_unit === undefined ? undefined : this.#rate(raw.usd_per_unit, 'usd_per_unit'),
      fixed: raw.usd_fixed === undefined ? undefined : this.#rate(raw.usd_fixed, 'usd_fixed'),
    };
    if (entry.provider === undefined && entry.service === undefined) {
      this.#bad('', 'needs "provider" or "service"');
    }
    if (entry.model !== undefined && entry.modelPrefix !== undefined) {
      this.#bad('model_prefix', 'cannot stand beside "model"; give one of the two');
    }
    const perToken = raw.usd_per_million !== undefined || raw.usd_per_request !== undefined;
    if (perToken === (raw.usd_per_unit !== undefined)) {
      this.#bad('', 'needs either "usd_per_million" (and/or "usd_per_request") or "usd_per_unit"');
    }
    if (perToken && entry.model === undefined && entry.modelPrefix === undefined) {
      this.#bad('', '"usd_per_million" needs "model" or "model_prefix"');
    }
    if (raw.usd_fixed !== undefined && raw.usd_per_unit === undefined) {
      this.#bad('usd_fixed', 'needs "usd_per_unit" (or use "usd_per_request" for a model)');
    }
    const skus = [raw.model, raw.model_prefix, raw.sku, raw.sku_prefix].filter((name) => name !== undefined);
    if (skus.length > 1 && (raw.sku !== undefined || raw.sku_prefix !== undefined)) {
      this.#bad('sku', 'cannot stand beside "sku_prefix", "model" or "model_prefix"; give one of them');
    }
    if (raw.usd_per_unit !== undefined && entry.unit === undefined) {
      this.#bad('unit', 'is needed beside "usd_per_unit", for example "request"');
    }
    return entry;
  }

  /** One line of `exchange_rates`: `{"currency": "CAD", "usd": "0.72", "from": "2026-11-01"}`. */
  readRate(raw: unknown): ExchangeRate | undefined {
    if (!isObject(raw)) {
      this.#bad('', `expected an object, got ${describe(raw)}`);
      return undefined;
    }
    for (const key of Object.keys(raw)) {
      if (!RATE_KEYS.has(key)) this.#bad(key, `is not known; known are ${[...RATE_KEYS].join(', ')}`);
    }
    const currency = typeof raw.currency === 'string' ? raw.currency.trim().toUpperCase() : '';
    if (!/^[A-Z]{3}$/.test(currency) || currency === 'USD') {
      this.#bad('currency', `expected a currency of ISO 4217 other than USD, got ${describe(raw.currency)}`);
    }
    const from = this.#date(raw, 'from', Number.NEGATIVE_INFINITY);
    const to = this.#date(raw, 'to', Number.POSITIVE_INFINITY);
    if (from >= to) this.#bad('to', `${describe(raw.to)} is not after "from" (${describe(raw.from)})`);
    const usd = this.#rate(raw.usd, 'usd');
    if (usd?.coefficient === 0n) this.#bad('usd', 'is zero');
    return usd === undefined ? undefined : { currency, usd, from, to };
  }

  #tokens(raw: Record<string, unknown>): TokenRates | undefined {
    if (raw.usd_per_million === undefined && raw.usd_per_request === undefined) {
      if (raw.above !== undefined) this.#bad('above', 'needs "usd_per_million"');
      return undefined;
    }
    const rates = raw.usd_per_million === undefined ? {} : this.#meters(raw.usd_per_million, 'usd_per_million');
    const bands: { inputTokens: number; rates: MeterRates }[] = [];
    if (raw.above !== undefined && !Array.isArray(raw.above)) {
      this.#bad('above', `expected a list, got ${describe(raw.above)}`);
    }
    for (const [index, band] of (Array.isArray(raw.above) ? raw.above : []).entries()) {
      const at = `above[${index}]`;
      const inputTokens = isObject(band) ? band.input_tokens : undefined;
      if (!isObject(band) || !Number.isSafeInteger(inputTokens) || (inputTokens as number) <= 0) {
        this.#bad(`${at}.input_tokens`, `expected a positive whole number, got ${describe(inputTokens)}`);
        continue;
      }
      bands.push({
        inputTokens: inputTokens as number,
        rates: { ...rates, ...this.#meters(band.usd_per_million, `${at}.usd_per_million`) },
      });
    }
    bands.sort((a, b) => a.inputTokens - b.inputTokens);
    const perRequest =
      raw.usd_per_request === undefined ? undefined : this.#rate(raw.usd_per_request, 'usd_per_request');
    return { rates, bands, perRequest, upToInputTokens: this.#limit(raw.up_to_input_tokens) };
  }

  #limit(value: unknown): number | undefined {
    if (value === undefined || (Number.isSafeInteger(value) && (value as number) > 0))
      return value as number | undefined;
    this.#bad('up_to_input_tokens', `expected a positive whole number, got ${describe(value)}`);
    return undefined;
  }

  #meters(raw: unknown, path: string): MeterRates {
    if (!isObject(raw) || Object.keys(raw).length === 0) {
      this.#bad(path, `expected an object such as {"input": "0.15", "output": "0.60"}, got ${describe(raw)}`);
      return {};
    }
    const rates: Partial<Record<Meter, Decimal>> = {};
    for (const [key, value] of Object.entries(raw)) {
      if (!(METERS as readonly string[]).includes(key)) {
        this.#bad(`${path}.${key}`, `is not known; known are ${METERS.join(', ')}`);
        continue;
      }
      const rate = this.#rate(value, `${path}.${key}`);
      if (rate !== undefined) rates[key as Meter] = rate;
    }
    return rates;
  }

  #rate(value: unknown, path: string): Decimal | undefined {
    const result = parseDecimal(value);
    if (!result.ok) this.#bad(path, result.problem);
    else if (result.value.coefficient < 0n) this.#bad(path, `${describe(value)} is negative`);
    else if (result.value.scale > 20) this.#bad(path, `${describe(value)} has more than 20 decimals`);
    else if (result.value.coefficient >= 10n ** BigInt(result.value.scale + 9)) {
      this.#bad(path, `${describe(value)} is a billion USD or more`);
    } else return result.value;
    return undefined;
  }

  #name(raw: Record<string, unknown>, key: string): string | undefined {
    const value = raw[key];
    if (value === undefined) return undefined;
    if (typeof value === 'string' && value.trim() !== '' && value.length <= 256) return value.trim().toLowerCase();
    this.#bad(key, `expected a text of 1 to 256 characters, got ${describe(value)}`);
    return undefined;
  }

  #provider(raw: Record<string, unknown>): string | undefined {
    const name = this.#name(raw, 'provider');
    return name === undefined ? undefined : providerId(name);
  }

  #date(raw: Record<string, unknown>, key: string, none: number): number {
    const value = raw[key];
    if (value === undefined || value === null) return none;
    if (typeof value === 'string' && /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?Z)?$/.test(value)) {
      const time = Date.parse(value);
      // 2026-02-30 is either refused or rolled over to March, as the engine likes: it is a typing error.
      if (!Number.isNaN(time) && new Date(time).toISOString().startsWith(value.slice(0, 10))) return time;
    }
    this.#bad(key, `expected a UTC date such as "2026-07-30" or "2026-07-30T12:00:00Z", got ${describe(value)}`);
    return none;
  }

  #bad(path: string, message: string): void {
    this.problems.push({ path: path === '' ? this.#path : `${this.#path}.${path}`, message });
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  let text: string;
  try {
    text = JSON.stringify(value) ?? typeof value;
  } catch {
    // Nested more deeply than the stack reaches.
    text = Array.isArray(value) ? 'a list' : 'an object';
  }
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
