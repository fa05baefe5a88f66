/** One line of a provider's own bill of a month, as far as it maps to what is recorded. Amounts are decimal strings. */
export interface BillLine {
  /** `usage.service` it belongs to; `<provider>_other` for what is never recorded here. */
  readonly service: string;
  /** What the provider calls it: `sms`, `gpt-4o-mini-2024-07-18, input`, `charge`. */
  readonly item: string;
  readonly amount: string;
  /** ISO 4217, upper case. */
  readonly currency: string;
}

/** A provider's own bill of a month. */
export interface Bill {
  readonly lines: readonly BillLine[];
  /** What is to be known beside the figures, one sentence each. */
  readonly notes: readonly string[];
}

/** A month of one service in the ledger. Amounts are decimal strings of USD. */
export interface LedgerFigures {
  readonly service: string;
  readonly charges: number;
  readonly cost: string;
  readonly unpriced: number;
  /** Whose cost is not the provider's own figure. */
  readonly unsettled: number;
  readonly unattributed: number;
  readonly estimated: number;
}

/** Ledger and bill of one service and month. */
export interface Comparison extends LedgerFigures {
  /** What the provider bills, in USD. */
  readonly billed: string;
  /** `billed - cost`: positive where the provider bills more than is recorded. */
  readonly residual: string;
  /** Of what is billed, one decimal; null where nothing is billed. */
  readonly residualPercent: number | null;
  readonly lines: readonly BillLine[];
  readonly hints: readonly string[];
}
