import type { PricePlan } from './plan.ts';

/** What a lookup came to: a plan to apply, or why there is none. */
export interface Resolved {
  readonly plan?: PricePlan | undefined;
  readonly reason?: string | undefined;
  /** The UTC minute it holds for; undefined: the whole UTC day. */
  readonly minute?: number | undefined;
}

/** The parts of a request that decide which price holds, as the caller gave them. */
export interface CacheKey {
  readonly service: string;
  readonly operation: string;
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
  readonly responseModel?: string | undefined;
  readonly sku?: string | undefined;
  readonly serviceTier?: string | undefined;
  readonly unit: string;
  readonly tokens?: unknown;
}

interface Slot {
  readonly key: CacheKey;
  readonly withTokens: boolean;
  readonly day: number;
  readonly minute: number | undefined;
  readonly resolved: Resolved;
}

const DAY = 86_400_000;
const MINUTE = 60_000;
const MAX_NAMES = 500;
const MAX_PER_NAME = 16;

/**
 * Resolved prices by model name, day and the rest of the request. Bounded: the oldest go first, so a flood of names
 * costs lookups, never memory. (A bucket per name and a comparison are three times as fast as one joined key.)
 */
export class ResolvedCache {
  readonly #buckets = new Map<string, Slot[]>();

  get size(): number {
    let size = 0;
    for (const bucket of this.#buckets.values()) size += bucket.length;
    return size;
  }

  get(key: CacheKey, at: number): Resolved | undefined {
    const bucket = this.#buckets.get(key.responseModel ?? key.model ?? key.operation);
    if (bucket === undefined) return undefined;
    const day = Math.floor(at / DAY);
    for (const slot of bucket) {
      if (
        slot.day === day &&
        same(slot, key) &&
        (slot.minute === undefined || slot.minute === Math.floor(at / MINUTE))
      ) {
        return slot.resolved;
      }
    }
    return undefined;
  }

  set(key: CacheKey, at: number, resolved: Resolved): void {
    const name = key.responseModel ?? key.model ?? key.operation;
    let bucket = this.#buckets.get(name);
    if (bucket === undefined) {
      const oldest = this.#buckets.keys().next();
      if (this.#buckets.size >= MAX_NAMES && !oldest.done) this.#buckets.delete(oldest.value);
      bucket = [];
      this.#buckets.set(name, bucket);
    }
    if (bucket.length >= MAX_PER_NAME) bucket.shift();
    const { service, operation, provider, model, responseModel, sku, serviceTier, unit } = key;
    bucket.push({
      key: { service, operation, provider, model, responseModel, sku, serviceTier, unit },
      withTokens: key.tokens !== undefined,
      day: Math.floor(at / DAY),
      minute: resolved.minute,
      resolved,
    });
  }
}

function same(slot: Slot, key: CacheKey): boolean {
  const own = slot.key;
  return (
    own.responseModel === key.responseModel &&
    own.model === key.model &&
    own.sku === key.sku &&
    own.serviceTier === key.serviceTier &&
    own.provider === key.provider &&
    own.service === key.service &&
    own.operation === key.operation &&
    own.unit === key.unit &&
    slot.withTokens === (key.tokens !== undefined)
  );
}
