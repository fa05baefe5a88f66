import type { SmsDeps } from '../types.ts';
import { type Claim, claimNext } from './claim.ts';
import { resultOf, type SendResult } from './errors.ts';
import { createLease } from './lease.ts';
import { check, dueChecks } from './lookup.ts';
import { recoverSending, settleAttempt } from './outcome.ts';
import { statusCallbackUrl } from './status.ts';
import { backoff, TIMINGS, type Timings } from './timings.ts';
import { type TwilioApi, twilioApi } from './twilio.ts';

export interface Sender {
  /** Begins to send; what an earlier process left half done is looked for at Twilio first. */
  start(): Promise<void>;
  /** Something new was committed. */
  wake(): void;
  /** Resolves when nothing is due and nothing is under way; texts that are being gathered are waited for. */
  idle(): Promise<void>;
  /** Takes nothing new, waits for what is under way, gives the lease back. */
  stop(): Promise<void>;
}

export interface SenderOptions {
  readonly timings?: Partial<Timings>;
  readonly api?: TwilioApi;
}

/** Requests to Twilio at the same time: it queues per number itself. */
const CONCURRENCY = 4;
/** The longest sleep: another process may have queued something, or a clock was set. */
const NAP_MS = 1_000;

/** The loop that takes texts from the outbox to Twilio. One per file sends at a time; a second one waits until the first is gone. */
export function createSender(deps: SmsDeps, options: SenderOptions = {}): Sender {
  const timings: Timings = { ...TIMINGS, ...options.timings };
  const api = options.api ?? twilioApi(deps.config.twilio);
  const lease = createLease(deps, timings.leaseMs);
  const checking = new Set<number>();
  const flights = new Set<Promise<void>>();
  let running: Promise<void> | undefined;
  let stopping = false;
  let woken = false;
  let wakeUp: () => void = () => {};
  let holds = false;
  let failures = 0;
  let paused = { until: 0, failures: 0 };

  async function send(claim: Claim): Promise<void> {
    let result: SendResult;
    try {
      const { sid, status, errorCode } = await api.create(
        claim.phone,
        claim.body,
        statusCallbackUrl(deps, claim.token, claim.number),
      );
      result = { kind: 'accepted', sid, status, errorCode };
    } catch (error) {
      result = resultOf(error);
    }
    // Nobody is reached, or nothing is taken: the others need not all try.
    if (result.kind === 'later') {
      const ms = Math.max(
        Math.min(result.retryAfterMs ?? 0, timings.retryAfterMaxMs),
        backoff(paused.failures, timings.retryMs, timings.retryMaxMs),
      );
      paused = { until: deps.clock.now() + ms, failures: paused.failures + 1 };
    } else paused = { until: 0, failures: 0 };
    settleAttempt(deps, timings, claim.attemptId, result);
    const { recipient, number: attempt } = claim;
    if (result.kind === 'accepted') deps.log.info({ recipient, attempt, sid: result.sid }, 'Twilio has a text');
  }

  function fly(work: Promise<void>): void {
    const flight = work
      .catch((error: unknown) => {
        // The outbox could not be written. The attempt stays open, and becomes maybe_sent when the lease is taken anew.
        deps.log.error({ error: String(error) }, 'What became of a text could not be written down');
        holds = false;
      })
      .finally(() => {
        flights.delete(flight);
        wake();
      });
    flights.add(flight);
  }

  /** @returns whether something was begun */
  function pass(): boolean {
    const got = lease.hold();
    if (got === 'other') {
      holds = false;
      return false;
    }
    if (got === 'gained' || !holds) {
      if (flights.size > 0) return false;
      recoverSending(deps, timings);
      holds = true;
    }
    let begun = false;
    const room = () => flights.size < (paused.failures > 0 ? 1 : CONCURRENCY);
    while (room() && deps.clock.now() >= paused.until) {
      const claim = claimNext(deps, timings);
      if (claim === undefined) break;
      fly(send(claim));
      begun = true;
    }
    for (const due of room() ? dueChecks(deps, CONCURRENCY - flights.size, checking) : []) {
      checking.add(due.id);
      fly(check(deps, timings, api, due).finally(() => checking.delete(due.id)));
      begun = true;
    }
    return begun;
  }

  async function loop(): Promise<void> {
    while (!stopping) {
      woken = false;
      let nap = NAP_MS;
      try {
        pass();
        failures = 0;
        nap = Math.min(nap, Math.max(1, nextAt() - deps.clock.now()));
      } catch (error) {
        nap = backoff(failures++, 100, 10_000);
        deps.log.error({ error: String(error) }, 'The outbox cannot be read or written; trying again');
      }
      if (!woken && !stopping) await sleep(nap);
    }
  }

  function nextAt(): number {
    if (!holds) return Number.MAX_SAFE_INTEGER;
    const { at, checkAt } = deps.db
      .prepare(
        `SELECT (SELECT min(not_before) FROM messages WHERE state = 'queued') AS at,
          (SELECT min(check_at) FROM messages WHERE check_at IS NOT NULL AND state IN ('maybe_sent', 'sent')) AS checkAt`,
      )
      .get() as { at: number | null; checkAt: number | null };
    // With all hands full a flight's end wakes us.
    if (flights.size > 0) return Number.MAX_SAFE_INTEGER;
    return Math.min(Math.max(at ?? Number.MAX_SAFE_INTEGER, paused.until), checkAt ?? Number.MAX_SAFE_INTEGER);
  }

  function sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  function wake(): void {
    woken = true;
    wakeUp();
  }

  function busy(withinMs: number): boolean {
    if (flights.size > 0) return true;
    if (deps.clock.now() < paused.until) return false;
    const { due } = deps.db
      .prepare("SELECT count(*) AS due FROM messages WHERE state = 'queued' AND not_before <= ?")
      .get(deps.clock.now() + withinMs) as { due: number };
    return due > 0 && holds;
  }

  return {
    async start() {
      if (running !== undefined) return;
      stopping = false;
      running = loop();
    },
    wake,
    async idle() {
      // The gathering passes in real time; a clock of a test may stand still meanwhile.
      const patience = performance.now() + deps.config.gatherMs + 100;
      wake();
      await new Promise((resolve) => setImmediate(resolve));
      while (running !== undefined && !stopping) {
        if (!busy(performance.now() < patience ? deps.config.gatherMs : 0)) return;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    async stop() {
      stopping = true;
      wake();
      await running;
      await Promise.all(flights);
      if (running !== undefined) lease.release();
      running = undefined;
    },
  };
}
