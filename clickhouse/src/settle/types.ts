import type { CallEnd } from '@client-cost/instrumentation/ledger';
import type { LedgerRow } from '../corrections/index.ts';

/** What a provider answers about one recorded charge. */
export type Answer =
  /** It is over, and this is what it was. */
  | { readonly kind: 'final'; readonly end: CallEnd }
  /** The provider knows it and has no price for it yet. */
  | { readonly kind: 'open' }
  /** The provider does not know it. */
  | { readonly kind: 'missing' };

/** One provider, as far as settling its charges goes. */
export interface Settler {
  /** `usage.service` of the charges it can settle. */
  readonly services: readonly string[];
  /** `cost_source` of the charges that are not settled. */
  readonly costSources: readonly string[];
  /** Whether the provider has a figure for a charge of its own; the others are left as they are. */
  canAsk(row: LedgerRow): boolean;
  /** Asks for charges that `canAsk` lets through. Every row has an answer, by `usage_id`. @throws ProviderApiError */
  ask(rows: readonly LedgerRow[]): Promise<ReadonlyMap<string, Answer>>;
}

/** What became of the charges of one service. Amounts are decimal strings of USD. */
export interface ServiceOutcome {
  readonly service: string;
  /** Charges of the period, settled before or not. */
  readonly recorded: number;
  /** Carried the provider's own figure before. */
  readonly settledBefore: number;
  /** Corrected now. */
  readonly settled: number;
  /** Asked, and the ledger says the same already. */
  readonly unchanged: number;
  /** The provider has no price yet. */
  readonly notYetPriced: number;
  readonly notFound: number;
  /** Not asked: no id of the provider, or no price per item at the provider (a number's month). */
  readonly notAsked: number;
  /** What the provider said cannot be stored (a credit, an amount of a million): left as it was. */
  readonly unusable: number;
  /** Settled now, and still without a cost in USD: no exchange rate. */
  readonly withoutRate: number;
  /** Of the charges settled now: what was recorded before, and what it is. */
  readonly estimatedCost: string;
  readonly settledCost: string;
  readonly difference: string;
}
