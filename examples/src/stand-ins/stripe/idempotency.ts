import { StripeFault } from './error.ts';
import type { StripeObject } from './store.ts';

interface Kept {
  readonly said: string;
  readonly status: number;
  readonly body: unknown;
  readonly requestId: string;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Record<string, string>;
}

/** What the first request with a key was answered is the answer to every later one with the same parameters. */
export class Idempotency {
  readonly #kept = new Map<string, Kept>();
  readonly #attempts = new Map<string, number>();

  /** How many requests came with this key before this one. */
  attempt(key: string | undefined): number {
    if (key === undefined) return 0;
    const before = this.#attempts.get(key) ?? 0;
    this.#attempts.set(key, before + 1);
    return before;
  }

  /**
   * @param said path and body of the request
   * @throws StripeFault 400 where the key was used for something else; what `run` throws without having begun (400, 404)
   */
  run(key: string | undefined, said: string, requestId: string, run: () => StripeObject): Answer {
    const kept = key === undefined ? undefined : this.#kept.get(key);
    if (kept !== undefined) {
      if (kept.said !== said) {
        const message = `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`;
        throw new StripeFault(400, 'idempotency_error', message);
      }
      const headers = { 'idempotent-replayed': 'true', 'original-request': kept.requestId };
      return { status: kept.status, body: kept.body, headers };
    }
    let answer: Answer;
    try {
      answer = { status: 200, body: run(), headers: {} };
    } catch (error) {
      // Only a declined card is a result; a request that was wrong has not been executed.
      if (!(error instanceof StripeFault) || error.status !== 402) throw error;
      answer = { status: error.status, body: structuredClone(error.body), headers: { ...error.headers } };
    }
    if (key !== undefined) this.#kept.set(key, { said, status: answer.status, body: answer.body, requestId });
    return answer;
  }
}
