import { type AlertEventFacts, type AlertEventName, addEvent } from '../store/events.ts';
import { transaction } from '../store/open.ts';
import type { SmsDeps } from '../types.ts';
import { describe, passes, type SendResult, STOPPED } from './errors.ts';
import { bringForward } from './forward.ts';
import { wantedAlerts } from './text.ts';
import { backoff, type Timings } from './timings.ts';

interface Attempt {
  id: number;
  message_id: number;
  number: number;
  started_at: number;
  outcome: string;
  sid: string | null;
  status: string | null;
}

interface Message {
  id: number;
  kind: string;
  recipient: string;
  phone: string;
  state: string;
  attempts: number;
  repeats: number;
  sent_at: number | null;
}

const attemptOf = ({ db }: SmsDeps, id: number) =>
  db.prepare('SELECT id, message_id, number, started_at, outcome, sid, status FROM attempts WHERE id = ?').get(id) as
    | Attempt
    | undefined;

const messageOf = ({ db }: SmsDeps, id: number) =>
  db
    .prepare('SELECT id, kind, recipient, phone, state, attempts, repeats, sent_at FROM messages WHERE id = ?')
    .get(id) as unknown as Message;

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
  const pause = Math.max(result.retryAfterMs ?? 0, backoff(failures - 1, timings.retryMs, timings.retryMaxMs));
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

export function alertsOf({ db }: SmsDeps, messageId: number): number[] {
  const rows = db.prepare('SELECT alert_id FROM message_alerts WHERE message_id = ?').all(messageId);
  return (rows as { alert_id: number }[]).map(({ alert_id }) => alert_id);
}

/** What no text could tell does not count as told: the next webhook about it may text again; criticals go on to the next level now. */
function nobodyHeard(deps: SmsDeps, messageId: number, at: number): void {
  deps.db
    .prepare(
      `UPDATE alerts SET last_texted_at = NULL WHERE id IN (SELECT alert_id FROM message_alerts WHERE message_id = ?)
        AND NOT EXISTS (SELECT 1 FROM message_alerts ma JOIN messages m ON m.id = ma.message_id WHERE ma.alert_id = alerts.id
          AND m.kind <> 'reply' AND m.created_at >= alerts.fired_at AND m.state IN ('sent', 'delivered', 'sending', 'maybe_sent'))`,
    )
    .run(messageId);
  bringForward(deps, alertsOf(deps, messageId), at);
}

/** Somebody was texted, or may have been: the same is not texted again for a while. */
function touchAlerts({ db }: SmsDeps, messageId: number, at: number): void {
  db.prepare(
    'UPDATE alerts SET last_texted_at = ? WHERE id IN (SELECT alert_id FROM message_alerts WHERE message_id = ?)',
  ).run(at, messageId);
}

export function stopNumber({ db }: SmsDeps, phone: string, at: number): void {
  db.prepare('INSERT OR IGNORE INTO stopped (phone, at) VALUES (?, ?)').run(phone, at);
}

function tell(
  deps: SmsDeps,
  message: Pick<Message, 'id' | 'kind' | 'recipient'>,
  event: AlertEventName,
  facts: AlertEventFacts,
): void {
  if (message.kind === 'reply') return;
  const source = event === 'sent' || event === 'maybe_sent' ? 'sms' : 'twilio';
  for (const id of alertsOf(deps, message.id)) {
    addEvent(deps.db, id, event, deps.clock.now(), { source, recipient: message.recipient, ...facts });
  }
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
