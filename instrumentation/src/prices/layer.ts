import type { ExchangeRate, PriceEntry } from './entry.ts';

/** What a price is looked up by. Names are lower case. */
export interface Lookup {
  readonly service: string;
  readonly operation: string;
  readonly provider: string;
  readonly unit: string;
  readonly at: number;
}

/** `gpt-4o-2024-08-06` is a dated snapshot of `gpt-4o`: it has that model's price unless it has one of its own. */
const SNAPSHOT = /-\d{4}-\d{2}-\d{2}$/;

/** The entries of one price file, found by name. */
export class PriceLayer {
  readonly #byModel = new Map<string, PriceEntry[]>();
  readonly #prefixes: PriceEntry[] = [];
  readonly #units: PriceEntry[] = [];
  /** Whether a price begins or ends within a day. */
  readonly intraday: boolean;

  readonly #rates: readonly ExchangeRate[];

  constructor(entries: readonly PriceEntry[], rates: readonly ExchangeRate[] = []) {
    this.#rates = rates;
    this.intraday = entries.some((entry) => midDay(entry.from) || midDay(entry.to));
    for (const entry of entries) {
      if (entry.perUnit !== undefined) this.#units.push(entry);
      if (entry.modelPrefix !== undefined && entry.tokens !== undefined) this.#prefixes.push(entry);
      if (entry.model !== undefined && entry.tokens !== undefined) {
        const list = this.#byModel.get(entry.model);
        if (list) list.push(entry);
        else this.#byModel.set(entry.model, [entry]);
      }
    }
    // The longest prefix is the most specific one.
    this.#prefixes.sort((a, b) => (b.modelPrefix?.length ?? 0) - (a.modelPrefix?.length ?? 0));
  }

  /** The price per token of a model at a tier: its own entry, then its family's, then the longest prefix. */
  findTokens(look: Lookup, model: string, tier: string): PriceEntry | undefined {
    const own = this.#best(this.#byModel.get(model), look, tier);
    if (own) return own;
    const family = model.replace(SNAPSHOT, '');
    const ofFamily = family === model ? undefined : this.#best(this.#byModel.get(family), look, tier);
    if (ofFamily) return ofFamily;
    const prefixed = this.#prefixes.filter((entry) => model.startsWith(entry.modelPrefix ?? ''));
    for (const prefix of new Set(prefixed.map((entry) => entry.modelPrefix))) {
      const ofPrefix = this.#best(
        prefixed.filter((entry) => entry.modelPrefix === prefix),
        look,
        tier,
      );
      if (ofPrefix) return ofPrefix;
    }
    return undefined;
  }

  /** Whether the layer knows any price of the model, at whatever tier. */
  knows(look: Lookup, model: string): boolean {
    const family = model.replace(SNAPSHOT, '');
    const named = [...(this.#byModel.get(model) ?? []), ...(this.#byModel.get(family) ?? [])];
    return (
      named.some((entry) => applies(entry, look)) ||
      this.#prefixes.some((entry) => model.startsWith(entry.modelPrefix ?? '') && applies(entry, look))
    );
  }

  /** The price per unit of a service's operation, the most specific entry first. */
  findUnit(look: Lookup, models: readonly string[], tier: string): PriceEntry | undefined {
    const matching = this.#units.filter(
      (entry) => entry.unit === look.unit && (fits(entry, models[0]) || fits(entry, models[1])),
    );
    return this.#best(matching, look, tier, models);
  }

  /** What one unit of a currency is worth in USD at a time: the line with the latest start, the later line among equals. */
  findRate(currency: string, at: number): ExchangeRate | undefined {
    let best: ExchangeRate | undefined;
    for (const rate of this.#rates) {
      if (rate.currency !== currency || at < rate.from || at >= rate.to) continue;
      if (best === undefined || rate.from >= best.from) best = rate;
    }
    return best;
  }

  #best(
    entries: readonly PriceEntry[] | undefined,
    look: Lookup,
    tier: string,
    models: readonly string[] = [],
  ): PriceEntry | undefined {
    let best: PriceEntry | undefined;
    for (const entry of entries ?? []) {
      if (!applies(entry, look) || (entry.tier !== tier && entry.tier !== '*')) continue;
      // On equal terms the later line of the file wins, as the later start date does.
      if (best === undefined || compare(entry, best, models) >= 0) best = entry;
    }
    return best;
  }
}

/** What an entry names comes first, then the closer name, then the later start date. */
function compare(a: PriceEntry, b: PriceEntry, models: readonly string[]): number {
  return conditions(a) - conditions(b) || closeness(a, models) - closeness(b, models) || startOf(a) - startOf(b);
}

/** An entry without a start date began before every other; minus infinity would make a difference of NaN. */
function startOf(entry: PriceEntry): number {
  return Math.max(entry.from, -Number.MAX_SAFE_INTEGER);
}

/** How closely an entry names one of the models: exactly, as its family, by so many characters of a prefix, or not. */
function closeness(entry: PriceEntry, models: readonly string[]): number {
  if (entry.modelPrefix !== undefined) return entry.modelPrefix.length;
  if (entry.model === undefined) return 0;
  return models.includes(entry.model) ? Number.MAX_SAFE_INTEGER : Number.MAX_SAFE_INTEGER - 1;
}

function midDay(time: number): boolean {
  return Number.isFinite(time) && time % 86_400_000 !== 0;
}

function fits(entry: PriceEntry, model: string | undefined): boolean {
  if (entry.model === undefined && entry.modelPrefix === undefined) return true;
  if (model === undefined) return false;
  if (entry.modelPrefix !== undefined) return model.startsWith(entry.modelPrefix);
  return entry.model === model || entry.model === model.replace(SNAPSHOT, '');
}

function applies(entry: PriceEntry, look: Lookup): boolean {
  return (
    entry.from <= look.at &&
    look.at < entry.to &&
    (entry.provider === undefined || entry.provider === look.provider) &&
    (entry.service === undefined || entry.service === look.service) &&
    (entry.operation === undefined || entry.operation === look.operation)
  );
}

/** What an entry names, weighed as docs/prices.md says. */
function conditions(entry: PriceEntry): number {
  return (
    Number(entry.operation !== undefined) * 8 +
    Number(entry.model !== undefined || entry.modelPrefix !== undefined) * 4 +
    Number(entry.tier !== '*') * 2 +
    Number(entry.service !== undefined) +
    Number(entry.provider !== undefined)
  );
}
