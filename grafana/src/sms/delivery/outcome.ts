import { transaction } from '../store/open.ts';
import type { SmsDeps } from '../types.ts';
import { type SendResult, STOPPED } from './errors.ts';
import { accept, applyStatus } from './progress.ts';
import {
  type Attempt,
  attemptOf,
  type Message,
  messageOf,
  nobodyHeard,
  stopNumber,
  tell,
  touchAlerts,
} from './records.ts';
import { wantedAlerts } from './text.ts';
import { backoff, type Timings } from './timings.ts';

/** Writes what an attempt came to, in a transaction of its own. */
export function settleAttempt(deps: SmsDeps, timings: Timings, attemptId: number, result: SendResult): void {
  transaction(deps.db, () => {
    const attempt = attemptOf(deps, attemptId);
    if (attempt === undefined) return;
    if (result.kind === 'accepted') {
      accept(deps, timings, attempt, result.sid);
      applyStatus(deps, timings, attemptId, result.status, result.errorCode);
      return;
    }
    // A callback was faster: the text is at Twilio, whatever became of the answer.
    if (attempt.sid !== null) return;
    if (result.kind === 'unknown') return becomeUnknown(deps, timings, attempt, result.reason);
    const at = deps.clock.now();
    const message = messageOf(deps, attempt.message_id);
    endAttempt(deps, attempt.id, 'refused', result.code, result.reason);
    if (message.state !== 'sending' || message.attempts !== attempt.number) return;
    if (result.kind === 'later') return putOff(deps, timings, message, attempt, result);
    deps.db
      .prepare("UPDATE messages SET state = 'failed', updated_at = ?, error_code = ?, error = ? WHERE id = ?")
      .run(at, result.code, result.reason, message.id);
    if (result.code === STOPPED) stopNumber(deps, message.phone, at);
    tell(deps, message, 'undelivered', { error: result.reason });
    deps.log.error({ recipient: message.recipient, code: result.code, error: result.reason }, 'Twilio refused a text');
    nobodyHeard(deps, message.id, at);
  });
}

/** Whatever an earlier process left in `sending`: nobody knows whether it left. @returns how many */
export function recoverSending(deps: SmsDeps, timings: Timings): number {
  return transaction(deps.db, () => {
    const open = deps.db
      .prepare("SELECT id, message_id, number, started_at, outcome, sid, status FROM attempts WHERE outcome = 'open'")
      .all() as unknown as Attempt[];
    for (const attempt of open) becomeUnknown(deps, timings, attempt, 'the service ended before the answer came');
    return open.length;
  });
}

function becomeUnknown(deps: SmsDeps, timings: Timings, attempt: Attempt, reason: string): void {
  const message = messageOf(deps, attempt.message_id);
  endAttempt(deps, attempt.id, 'unknown', undefined, reason);
  if (message.state !== 'sending' || message.attempts !== attempt.number) return;
  const at = deps.clock.now();
  deps.db
    .prepare(
      "UPDATE messages SET state = 'maybe_sent', updated_at = ?, check_at = ?, checks = 0, error = ? WHERE id = ?",
    )
    .run(at, at + (timings.lookMs[0] ?? 0), reason, message.id);
  touchAlerts(deps, message.id, at);
  tell(deps, message, 'maybe_sent', { error: reason });
  deps.log.warn(
    { recipient: message.recipient, attempt: attempt.number, error: reason },
    'A text may have left, or not',
  );
}

function putOff(
  deps: SmsDeps,
  timings: Timings,
  message: Message,
  attempt: Attempt,
  result: Extract<SendResult, { kind: 'later' }>,
): void {
  const { db, log } = deps;
  const at = deps.clock.now();
  const { failures } = db
    .prepare(
      `SELECT count(*) AS failures FROM attempts WHERE message_id = ? AND outcome = 'refused'
        AND number > (SELECT coalesce(max(number), 0) FROM attempts WHERE message_id = ? AND outcome <> 'refused')`,
    )
    .get(message.id, message.id) as { failures: number };
  const pause = Math.max(
    Math.min(result.retryAfterMs ?? 0, timings.retryAfterMaxMs),
    backoff(failures - 1, timings.retryMs, timings.retryMaxMs),
  );
  db.prepare(
    "UPDATE messages SET state = 'queued', not_before = ?, updated_at = ?, error_code = ?, error = ? WHERE id = ?",
  ).run(at + pause, at, result.code ?? null, result.reason, message.id);
  const fields = { recipient: message.recipient, attempt: attempt.number, error: result.reason, inMs: pause };
  if (result.account) log.error(fields, 'Twilio takes no texts of ours; this one waits');
  else log.warn(fields, 'Twilio could not take a text; it waits');
  // Told once: the alert's life shows why nobody heard of it yet.
  if (failures === 1 && result.account) tell(deps, message, 'undelivered', { error: result.reason });
}

function endAttempt(
  { db, clock }: SmsDeps,
  id: number,
  outcome: string,
  code: string | undefined,
  error: string,
): void {
  db.prepare('UPDATE attempts SET outcome = ?, ended_at = ?, error_code = ?, error = ? WHERE id = ?').run(
    outcome,
    clock.now(),
    code ?? null,
    error,
    id,
  );
}

/** Sends a text again that is not in Twilio's list: marked. In the caller's transaction. @returns false where it is given up */
export function repeatUnknown(deps: SmsDeps, timings: Timings, messageId: number): boolean {
  const { db, clock, log } = deps;
  const at = clock.now();
  const message = messageOf(deps, messageId);
  if (message.kind !== 'reply' && wantedAlerts(db, messageId).length === 0) {
    db.prepare(
      "UPDATE messages SET state = 'cancelled', updated_at = ?, check_at = NULL, error = 'may have left; no longer needed' WHERE id = ?",
    ).run(at, messageId);
    return false;
  }
  if (message.repeats >= timings.maxRepeats) {
    const error = `nobody knows whether it left, after ${message.attempts} attempts`;
    db.prepare("UPDATE messages SET state = 'failed', updated_at = ?, check_at = NULL, error = ? WHERE id = ?").run(
      at,
      error,
      messageId,
    );
    tell(deps, message, 'undelivered', { source: 'sms', error });
    log.error({ recipient: message.recipient, error }, 'A text is given up');
    nobodyHeard(deps, messageId, at);
    return false;
  }
  db.prepare(
    "UPDATE messages SET state = 'queued', repeats = repeats + 1, not_before = ?, updated_at = ?, check_at = NULL WHERE id = ?",
  ).run(at, at, messageId);
  log.warn({ recipient: message.recipient }, 'A text is not in Twilio’s list; it goes out again, marked');
  return true;
}
