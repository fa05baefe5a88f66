import { decimalOf, formatAmount, multiply, toAmount } from '../money.ts';
import type { Price, TokenUsage } from '../types.ts';
import { type Resolved, ResolvedCache } from './cache.ts';
import type { PriceEntry } from './entry.ts';
import type { Lookup, PriceLayer } from './layer.ts';
import { libraryPrice, loadLibrary } from './library.ts';
import { overlayLayer, unitsLayer } from './overlay.ts';
import { type PricePlan, tokenPlan, unitPlan } from './plan.ts';
import { providerId } from './providers.ts';

/** A finished call, as far as its price depends on it. */
export interface PriceRequest {
  /** Who sends the bill: `openai`, `azure_openai`, `groq`, `acme`, … */
  readonly service: string;
  readonly operation: string;
  /** `gen_ai.provider.name`, or the service's own name when absent. */
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
  /** What the provider's price list calls it, for what is no model call. */
  readonly sku?: string | undefined;
  /** Wins over `model`. */
  readonly responseModel?: string | undefined;
  /** What the response says it was served at; absent, `default`, `auto` and the like mean the standard tier. */
  readonly serviceTier?: string | undefined;
  readonly tokens?: TokenUsage | undefined;
  /** Decimal string, `1` for one call. */
  readonly quantity: string;
  /** `request`, `segment`, … */
  readonly unit: string;
  /** When the call was made: decides which dated price holds. */
  readonly at: Date;
}

/** All prices known to this process. */
export interface PriceBook {
  /** `genai-prices@0.1.8+overlay.2026-11-22[+user.<first 8 hex digits of the file's sha256>]` */
  readonly version: string;
  /** What was wrong with the user's price file, one sentence each; empty when all of it is used. */
  readonly problems: readonly string[];
  /** The list price of a call. Never throws; about 2 µs once a model, tier and day have been seen. */
  price(request: PriceRequest): Price;
  /** An amount (decimal string) in USD by the user's rate of that day; undefined where there is none. Never throws. */
  toUsd(amount: string, currency: string, at: Date): string | undefined;
  /** Loads what {@link price} needs (about 50 ms, once): call it when idle. Never throws. */
  warm(): void;
}

const MINUTE = 60_000;
const MAX_NAME = 256;

/** Tiers that mean the standard price (`on_demand` is Groq's name for it). */
const STANDARD_TIERS = new Set(['', 'default', 'auto', 'standard', 'standard_only', 'on_demand']);

/** `fast` is what OpenAI also calls its priority tier. */
function tierOf(name: string): string {
  if (STANDARD_TIERS.has(name)) return 'standard';
  return name === 'fast' ? 'priority' : name;
}

export class LayeredPriceBook implements PriceBook {
  readonly version: string;
  readonly problems: readonly string[];
  readonly #user: PriceLayer | undefined;
  readonly #cache = new ResolvedCache();

  constructor(version: string, user: PriceLayer | undefined, problems: readonly string[]) {
    this.version = version;
    this.problems = problems;
    this.#user = user;
  }

  warm(): void {
    loadLibrary();
    const tokens = { input: 1, output: 1 };
    const at = new Date();
    this.price({
      service: 'openai',
      operation: 'warm',
      model: 'gpt-4o-mini',
      tokens,
      quantity: '1',
      unit: 'request',
      at,
    });
  }

  toUsd(amount: string, currency: string, at: Date): string | undefined {
    try {
      const code = currency.trim().toUpperCase();
      const value = decimalOf(amount);
      if (code === 'USD') return formatAmount(toAmount(value));
      const rate = this.#user?.findRate(code, at.getTime());
      return rate && formatAmount(toAmount(multiply(value, rate.usd)));
    } catch {
      return undefined;
    }
  }

  price(request: PriceRequest): Price {
    let reason: string;
    try {
      const resolved = this.#resolve(request);
      if (resolved.plan) {
        const result = resolved.plan.apply(request.tokens, request.quantity);
        if (result.amount !== undefined) return { amount: result.amount, currency: 'USD', version: this.version };
        reason = result.reason;
      } else {
        reason = resolved.reason ?? 'no price is known';
      }
    } catch (error) {
      reason = `the price could not be worked out: ${error instanceof Error ? error.message : String(error)}`;
    }
    return { amount: undefined, reason, version: this.version };
  }

  #resolve(request: PriceRequest): Resolved {
    const at = request.at.getTime();
    if (Number.isNaN(at)) return { reason: 'the time of the call is not a valid date' };
    const known = this.#cache.get(request, at);
    if (known) return known;
    const long = tooLong(request);
    if (long !== undefined) return { reason: long };
    const resolved = this.#lookUp(request, at);
    this.#cache.set(request, at, resolved);
    return resolved;
  }

  #lookUp(request: PriceRequest, at: number): Resolved {
    const service = normal(request.service);
    const look: Lookup = {
      service,
      operation: normal(request.operation),
      provider: providerId(normal(request.provider) || service),
      unit: normal(request.unit),
      at,
    };
    const tier = tierOf(normal(request.serviceTier));
    const names = [normal(request.responseModel), normal(request.model), normal(request.sku)];
    const models = [...new Set(names)].filter((name) => name !== '');
    const overlay = overlayLayer();
    const minute = this.#user?.intraday || overlay.intraday ? Math.floor(at / MINUTE) : undefined;
    const withTokens = request.tokens !== undefined;

    const own = this.#user && fromLayer(this.#user, look, models, tier, withTokens);
    if (own) return { plan: own, minute };

    let why: string | undefined;
    for (const model of withTokens ? models : []) {
      const entry = overlay.findTokens(look, model, tier);
      if (entry) return { plan: planOf(entry), minute };
      const answer = libraryPrice(look.provider, model, new Date(at));
      if (tier !== 'standard' && (answer.price !== undefined || answer.known || overlay.knows(look, model))) {
        return { reason: `no price is known for service tier ${tier} of model ${model}`, minute };
      }
      if (answer.price) {
        return { plan: tokenPlan(answer.price), minute: answer.holds === 'minute' ? Math.floor(at / MINUTE) : minute };
      }
      if (answer.known) return { reason: answer.reason, minute };
      why ??= answer.reason;
    }
    const perUnit = overlay.findUnit(look, models, tier) ?? unitsLayer().findUnit(look, models, tier);
    if (perUnit) return { plan: planOf(perUnit), minute };
    if (names[2] !== '')
      return {
        reason: `no price is known for ${look.service} ${look.operation} per ${look.unit} (${names[2]})`,
        minute,
      };
    return { reason: why ?? unknownReason(look, models, withTokens), minute };
  }
}

function fromLayer(
  layer: PriceLayer,
  look: Lookup,
  models: readonly string[],
  tier: string,
  withTokens: boolean,
): PricePlan | undefined {
  const unit = layer.findUnit(look, models, tier);
  if (unit && !withTokens) return planOf(unit);
  for (const model of models) {
    const entry = layer.findTokens(look, model, tier);
    if (entry) return planOf(entry);
  }
  return unit && planOf(unit);
}

function planOf(entry: PriceEntry): PricePlan | undefined {
  if (entry.tokens) return tokenPlan(entry.tokens);
  return entry.perUnit && unitPlan(entry.perUnit, entry.fixed);
}

function unknownReason(look: Lookup, models: readonly string[], withTokens: boolean): string {
  const what = `${look.service} ${look.operation} per ${look.unit}`;
  if (models.length === 0) return withTokens ? 'the call names no model' : `no price is known for ${what}`;
  return `no token counts were reported for model ${models[0]}, and no price is known for ${what}`;
}

function tooLong(request: PriceRequest): string | undefined {
  for (const name of [
    'responseModel',
    'model',
    'sku',
    'serviceTier',
    'provider',
    'service',
    'operation',
    'unit',
  ] as const) {
    const value = request[name];
    if (typeof value === 'string' && value.length > MAX_NAME) {
      return `${name} is ${value.length} characters long: no price has such a name`;
    }
  }
  return undefined;
}

function normal(name: unknown): string {
  return typeof name === 'string' ? name.trim().toLowerCase() : '';
}
