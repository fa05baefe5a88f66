/** A known advisory that does not hold here: its id, what it is about, why it does no harm, and until when that is believed. */
export interface Explained {
  /** As GitHub has it: `GHSA-xxxx-xxxx-xxxx`. */
  readonly id: string;
  readonly package: string;
  readonly why: string;
  /** The last day (UTC) on which it may stand unlooked at: `2026-12-31`. */
  readonly until: string;
}

/** None now. */
export const EXPLAINED: readonly Explained[] = [];
