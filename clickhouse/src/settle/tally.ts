import { formatAmount, parseAmount } from '@client-cost/instrumentation/ledger';
import type { LedgerRow } from '../corrections/index.ts';
import type { ServiceOutcome } from './types.ts';

type Counter = 'settled' | 'unchanged' | 'notYetPriced' | 'notFound' | 'notAsked' | 'unusable' | 'withoutRate';

/** Counts what becomes of the charges of one service. */
export class Tally {
  readonly #counts: Record<Counter, number> = {
    settled: 0,
    unchanged: 0,
    notYetPriced: 0,
    notFound: 0,
    notAsked: 0,
    unusable: 0,
    withoutRate: 0,
  };
  #before = 0n;
  #after = 0n;

  count(what: Counter, n = 1): void {
    this.#counts[what] += n;
  }

  /** A charge that is corrected: from what was recorded last to what it is. */
  settle(before: LedgerRow, after: LedgerRow): void {
    this.count('settled');
    if (after.cost === null) this.count('withoutRate');
    this.#before += parseAmount(before.cost ?? '0');
    this.#after += parseAmount(after.cost ?? '0');
  }

  outcome(service: string, recorded: number, settledBefore: number): ServiceOutcome {
    return {
      service,
      recorded,
      settledBefore,
      ...this.#counts,
      estimatedCost: formatAmount(this.#before),
      settledCost: formatAmount(this.#after),
      difference: formatAmount(this.#after - this.#before),
    };
  }
}
