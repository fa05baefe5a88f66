import { isStopped } from '../acknowledge/people.ts';
import { addEvent } from '../store/events.ts';
import { transaction } from '../store/open.ts';
import { MAY_REPEAT } from '../texts/compose.ts';
import { quietUntil } from '../texts/quiet.ts';
import type { SmsDeps } from '../types.ts';
import { bringForward } from './forward.ts';
import { NEVER_LEFT, OF_ROUTE, routeOf, settleText } from './queue.ts';
import { severityOf, textOf, wantedAlerts } from './text.ts';
import type { Timings } from './timings.ts';

/** A text on its way to Twilio: `sending` and its attempt are on disk. */
export interface Claim {
  readonly messageId: number;
  readonly attemptId: number;
  readonly number: number;
  readonly token: string;
  readonly phone: string;
  readonly recipient: string;
  readonly body: string;
}

interface Waiting {
  id: number;
  token: string;
  kind: string;
  recipient: string;
  phone: string;
  severity: string;
  body: string;
  code: string | null;
  attempts: number;
  repeats: number;
  composed: number;
  created_at: number;
}

const HOUR = 3_600_000;

/**
 * Takes the next text that is due, criticals first, in a transaction of its own. Texts that nobody needs any more are cancelled on the way, those
 * over the hourly limit of their number put off.
 *
 * @returns undefined where nothing is due
 */
export function claimNext(deps: SmsDeps, timings: Timings): Claim | undefined {
  const { db, clock } = deps;
  return transaction(db, () => {
    const at = clock.now();
    for (;;) {
      const row = db
        .prepare(
          `SELECT id, token, kind, recipient, phone, severity, body, code, attempts, repeats, composed, created_at FROM messages
          WHERE state = 'queued' AND not_before <= ? ORDER BY kind = 'reply' DESC, severity = 'critical' DESC, not_before, id LIMIT 1`,
        )
        .get(at) as Waiting | undefined;
      if (row === undefined) return undefined;
      const claim = take(deps, timings, row, at);
      if (claim !== undefined) return claim;
    }
  });
}

/** @returns undefined where the message is no longer due: cancelled, or put off */
function take(deps: SmsDeps, timings: Timings, row: Waiting, at: number): Claim | undefined {
  const { db } = deps;
  if (row.kind === 'reply') {
    if (at - row.created_at > timings.replyMs) return cancel(deps, row.id, at, 'too late for an answer');
    const mark = mayRepeat(deps, row.id) && !row.body.startsWith(MAY_REPEAT) ? MAY_REPEAT : '';
    return begin(deps, row, mark + row.body, row.severity, at);
  }
  if (isStopped(deps.db, row.phone)) return stop(deps, row, at);
  let alerts = wantedAlerts(db, row.id);
  dropUnwanted(deps, row, at);
  if (alerts.length === 0) return cancel(deps, row.id, at, 'acknowledged or resolved');
  if (severityOf(alerts) !== 'critical') {
    const quietEnd = quietUntil(deps.config.quietHours, at);
    if (quietEnd !== undefined) return putOff(deps, row.id, at, quietEnd, 'waits: quiet hours', true);
    const free = freeAt(deps, row.phone, at);
    if (free > at) return putOff(deps, row.id, at, free, 'waits: texts per hour', false);
  }
  let { code } = row;
  if (row.composed === 1 && mergeWaiting(deps, row, at)) {
    alerts = wantedAlerts(db, row.id);
    code = (db.prepare('SELECT code FROM messages WHERE id = ?').get(row.id) as { code: string | null }).code;
  }
  const repeat = mayRepeat(deps, row.id);
  const given = repeat && !row.body.startsWith(MAY_REPEAT) ? `${MAY_REPEAT}${row.body}` : row.body;
  const body = row.composed === 1 ? textOf(deps, alerts, code ?? undefined, at, repeat) : given;
  return begin(deps, row, body, severityOf(alerts), at);
}

function begin({ db }: SmsDeps, row: Waiting, body: string, severity: string, at: number): Claim {
  const number = row.attempts + 1;
  db.prepare(
    `UPDATE messages SET state = 'sending', attempts = ?, sending_at = ?, updated_at = ?, body = ?, severity = ?, held = 0,
      check_at = NULL, checks = 0, error_code = NULL, error = NULL WHERE id = ?`,
  ).run(number, at, at, body, severity, row.id);
  const { lastInsertRowid } = db
    .prepare('INSERT INTO attempts (message_id, number, phone, body, started_at) VALUES (?, ?, ?, ?, ?)')
    .run(row.id, number, row.phone, body, at);
  const { id: messageId, token, phone, recipient } = row;
  return { messageId, attemptId: Number(lastInsertRowid), number, token, phone, recipient, body };
}

function putOff({ db }: SmsDeps, id: number, at: number, until: number, why: string, held: boolean): undefined {
  db.prepare('UPDATE messages SET not_before = ?, updated_at = ?, error = ?, held = ? WHERE id = ?').run(
    until,
    at,
    why,
    held ? 1 : 0,
    id,
  );
}

/** An earlier attempt arrived, or may have: also one that a carrier says it did not deliver. */
function mayRepeat({ db }: SmsDeps, id: number): boolean {
  return db.prepare("SELECT 1 FROM attempts WHERE message_id = ? AND outcome <> 'refused'").get(id) !== undefined;
}

function cancel({ db }: SmsDeps, id: number, at: number, why: string): undefined {
  db.prepare("UPDATE messages SET state = 'cancelled', updated_at = ?, error = ? WHERE id = ?").run(at, why, id);
}

function stop(deps: SmsDeps, row: Waiting, at: number): undefined {
  const { db } = deps;
  const error = 'answered STOP: no texts until START';
  db.prepare("UPDATE messages SET state = 'failed', updated_at = ?, error_code = '21610', error = ? WHERE id = ?").run(
    at,
    error,
    row.id,
  );
  const ids = wantedAlerts(db, row.id).map(({ id }) => id);
  for (const id of ids) addEvent(db, id, 'undelivered', at, { source: 'sms', recipient: row.recipient, error });
  bringForward(deps, ids, at);
}

/** What this text will not tell about is not of it: no event says that it was sent. */
function dropUnwanted({ db }: SmsDeps, row: Waiting, at: number): void {
  const wanted = new Set(wantedAlerts(db, row.id).map(({ id }) => id));
  const told = db
    .prepare(
      `SELECT a.id, a.status, a.acknowledged_at FROM message_alerts ma JOIN alerts a ON a.id = ma.alert_id
      WHERE ma.message_id = ?`,
    )
    .all(row.id) as { id: number; status: string; acknowledged_at: number | null }[];
  if (wanted.size === 0) return;
  for (const { id, status, acknowledged_at } of told) {
    if (wanted.has(id)) continue;
    // What a text told that left before stays: its code acknowledges it.
    if (row.attempts === 0)
      db.prepare('DELETE FROM message_alerts WHERE message_id = ? AND alert_id = ?').run(row.id, id);
    if (status === 'firing' && acknowledged_at === null) {
      addEvent(db, id, 'suppressed', at, {
        source: 'sms',
        recipient: row.recipient,
        error: 'its critical alert fires',
      });
    }
  }
}

/** When the number may have another text: as many as allowed left within the last hour, or may have. */
function freeAt({ db, config }: SmsDeps, phone: string, at: number): number {
  const left = db
    .prepare(
      `SELECT started_at FROM attempts WHERE phone = ? AND started_at > ? AND outcome <> 'refused' ORDER BY started_at DESC
      LIMIT 1 OFFSET ?`,
    )
    .get(phone, at - HOUR, Math.max(config.textsPerHour, 1) - 1) as { started_at: number } | undefined;
  return left === undefined ? at : left.started_at + HOUR;
}

/** Other texts that wait for the same number and are due become part of this one. */
function mergeWaiting(deps: SmsDeps, row: Waiting, at: number): boolean {
  const { db } = deps;
  const mine = db.prepare(`SELECT 1 FROM messages m WHERE m.id = ? AND ${NEVER_LEFT}`).get(row.id) !== undefined;
  if (!mine) return false;
  const others = db
    .prepare(
      `SELECT m.id FROM messages m WHERE m.phone = ? AND m.id <> ? AND m.kind = ? AND m.kind = 'alert' AND m.not_before <= ?
        AND ${NEVER_LEFT} AND ${OF_ROUTE}`,
    )

    .all(row.phone, row.id, row.kind, at, routeOf(db, wantedAlerts(db, row.id)[0]?.id ?? 0)) as { id: number }[];
  for (const { id } of others) {
    for (const alert of wantedAlerts(db, id)) {
      db.prepare('INSERT OR IGNORE INTO message_alerts (message_id, alert_id) VALUES (?, ?)').run(row.id, alert.id);
    }
    cancel(deps, id, at, `told in message ${row.id}`);
  }
  if (others.length > 0) settleText(deps, row.id, at);
  return others.length > 0;
}
