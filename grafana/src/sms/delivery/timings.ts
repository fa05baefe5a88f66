/** How long delivery waits for what; milliseconds. */
export interface Timings {
  /** After surely not sent: the first and the longest pause. */
  readonly retryMs: number;
  readonly retryMaxMs: number;
  /** A `Retry-After` is believed up to this. */
  readonly retryAfterMaxMs: number;
  /** Looks into Twilio's list after an answer that did not come; the last one repeats. */
  readonly lookMs: readonly number[];
  /** Not in Twilio's list for so long: it did not leave. */
  readonly notFoundMs: number;
  /** How often a text may go out again when nobody knows whether it left. */
  readonly maxRepeats: number;
  /** Pauses before a text that a carrier could not deliver goes out again. */
  readonly undeliveredMs: readonly number[];
  /** First question for a text's status where callbacks come, and where none do; doubled each time up to an hour. */
  readonly pollMs: number;
  readonly pollAloneMs: number;
  /** A text whose end is unknown for so long stays `sent`. */
  readonly pollForMs: number;
  /** An answer to a text that somebody sent is of no use after so long. */
  readonly replyMs: number;
  /** A sender that does not renew its lease for so long is gone. */
  readonly leaseMs: number;
}

export const TIMINGS: Timings = {
  retryMs: 1_000,
  retryMaxMs: 300_000,
  retryAfterMaxMs: 900_000,
  lookMs: [2_000, 8_000, 20_000, 30_000, 60_000],
  notFoundMs: 120_000,
  maxRepeats: 3,
  undeliveredMs: [60_000, 300_000, 900_000],
  pollMs: 120_000,
  pollAloneMs: 5_000,
  pollForMs: 86_400_000,
  replyMs: 3_600_000,
  leaseMs: 20_000,
};

/** Doubled with each failure, between half and all of it: many that wait do not come back at once. */
export function backoff(failures: number, firstMs: number, maxMs: number, random = Math.random): number {
  return Math.round(Math.min(maxMs, firstMs * 2 ** Math.min(failures, 30)) * (0.5 + random() / 2));
}
