/** An SDK that this package started. */
export interface StartedSdk {
  /** Its spans are the SDK's own, without attribute limits (a variable that sets one loads the whole SDK). */
  readonly plainSpans: boolean;
  /** Exports what is waiting. Resolves in any case, at the latest after the time given (milliseconds). */
  flush(timeoutMillis: number): Promise<void>;
  /** The same for the last time: nothing of it holds the process beyond the time given. */
  end(timeoutMillis: number): Promise<void>;
}

/**
 * Series per instrument. The SDK's default of 2,000 would fold the clients beyond it into one series without
 * `client.id`; a series costs about 1 kB.
 */
export const CARDINALITY_LIMIT = 50_000;

/** Waits for a promise, not longer than the time given; swallows its rejection. */
export function atMost(promise: Promise<unknown>, millis: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, millis);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    promise.then(done, done);
  });
}
