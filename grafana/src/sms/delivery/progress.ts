import type { SmsDeps } from '../types.ts';
import { describe, passes, STOPPED } from './errors.ts';
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
import type { Timings } from './timings.ts';

/** Twilio has the text. In the caller's transaction; telling it twice changes nothing. */
export function accept(
  deps: SmsDeps,
  timings: Timings,
  attempt: Pick<Attempt, 'id' | 'message_id'>,
  sid: string,
): void {
  const known = attemptOf(deps, attempt.id);
  if (known === undefined || known.sid !== null) return;
  const at = deps.clock.now();
  deps.db
    .prepare("UPDATE attempts SET outcome = 'accepted', sid = ?, ended_at = ?, error = NULL WHERE id = ?")
    .run(sid, at, attempt.id);
  const message = messageOf(deps, attempt.message_id);
  touchAlerts(deps, message.id, at);
  tell(deps, message, 'sent', { message_sid: sid });
  const pending = ['sending', 'maybe_sent'].includes(message.state);
  // One that was to go out again need not.
  if (!pending && !(message.state === 'queued' && message.repeats > 0 && known.number === message.attempts)) return;
  const first = deps.config.publicUrl === undefined ? timings.pollAloneMs : timings.pollMs;
  deps.db
    .prepare(
      `UPDATE messages SET state = 'sent', sid = ?, sent_at = ?, updated_at = ?, check_at = ?, checks = 0, error = NULL,
        error_code = NULL WHERE id = ?`,
    )
    .run(sid, at, at, at + first, message.id);
}

const RANK: Readonly<Record<string, number>> = {
  accepted: 1,
  scheduled: 1,
  queued: 1,
  sending: 2,
  sent: 3,
  undelivered: 4,
  failed: 4,
  canceled: 4,
  delivered: 5,
  read: 6,
};

/**
 * What Twilio says of an attempt's text, in the caller's transaction. Never backwards, whatever order it comes in; a text that was delivered after
 * all counts as delivered.
 */
export function applyStatus(
  deps: SmsDeps,
  timings: Timings,
  attemptId: number,
  status: string,
  errorCode: string | undefined,
): void {
  const attempt = attemptOf(deps, attemptId);
  const rank = RANK[status] ?? 0;
  if (attempt === undefined || rank <= (RANK[attempt.status ?? ''] ?? 0)) return;
  const { db } = deps;
  const at = deps.clock.now();
  db.prepare('UPDATE attempts SET status = ?, error_code = coalesce(?, error_code) WHERE id = ?').run(
    status,
    errorCode ?? null,
    attemptId,
  );
  const message = messageOf(deps, attempt.message_id);
  if (rank >= 5) {
    if (message.state === 'delivered') return;
    db.prepare(
      "UPDATE messages SET state = 'delivered', updated_at = ?, check_at = NULL, error = NULL, error_code = NULL, sid = coalesce(sid, ?) WHERE id = ?",
    ).run(at, attempt.sid, message.id);
    tell(deps, message, 'delivered', { message_sid: attempt.sid ?? '' });
  } else if (rank === 4) {
    notDelivered(deps, timings, message, attempt, errorCode, at);
  }
}

function notDelivered(
  deps: SmsDeps,
  timings: Timings,
  message: Message,
  attempt: Attempt,
  errorCode: string | undefined,
  at: number,
): void {
  const { db } = deps;
  const error = describe(errorCode);
  tell(deps, message, 'undelivered', { message_sid: attempt.sid ?? '', error });
  if (errorCode === STOPPED) stopNumber(deps, message.phone, at);
  if (!['sending', 'sent', 'maybe_sent'].includes(message.state) || attempt.number !== message.attempts) return;
  const { failures } = db
    .prepare("SELECT count(*) AS failures FROM attempts WHERE message_id = ? AND status IN ('undelivered', 'failed')")
    .get(message.id) as { failures: number };
  const pause = passes(errorCode) ? timings.undeliveredMs[failures - 1] : undefined;
  if (pause !== undefined) {
    db.prepare(
      "UPDATE messages SET state = 'queued', not_before = ?, updated_at = ?, check_at = NULL, error_code = ?, error = ? WHERE id = ?",
    ).run(at + pause, at, errorCode ?? null, error, message.id);
    deps.log.warn({ recipient: message.recipient, error, inMs: pause }, 'A text was not delivered; it goes out again');
    return;
  }
  db.prepare(
    "UPDATE messages SET state = 'undelivered', updated_at = ?, check_at = NULL, error_code = ?, error = ? WHERE id = ?",
  ).run(at, errorCode ?? null, error, message.id);
  deps.log.error({ recipient: message.recipient, error }, 'A text was not delivered');
  nobodyHeard(deps, message.id, at);
}
