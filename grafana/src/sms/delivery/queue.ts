import { randomBytes } from 'node:crypto';
import { isStopped } from '../acknowledge/people.ts';
import { addEvent } from '../store/events.ts';
import { newCode } from '../texts/codes.ts';
import type { Contact, SmsDeps } from '../types.ts';
import { bringForward } from './forward.ts';
import { severityOf, sharedCode, textOf, wantedAlerts } from './text.ts';

export interface TextsToQueue {
  readonly kind: 'alert' | 'escalation' | 'reply';
  /** `alerts.id`; may be empty for a reply. */
  readonly alertIds: readonly number[];
  readonly contacts: readonly Contact[];
  /** Unix milliseconds. */
  readonly at: number;
  /** Not before this, Unix milliseconds: the end of quiet hours. Default: gathered for `gatherMs`; a reply leaves at once. */
  readonly notBefore?: number | undefined;
  /** The text as it shall be; without it, it follows from the alerts when it leaves. */
  readonly body?: string | undefined;
  /** Default: the code of earlier texts about the same alerts, or a new one; none on a reply. */
  readonly code?: string | undefined;
}

/** A message that waits, has never left, and follows from its alerts: more may be told in it. */
export const NEVER_LEFT = `m.state = 'queued' AND m.composed = 1 AND NOT EXISTS (
  SELECT 1 FROM attempts t WHERE t.message_id = m.id AND t.outcome <> 'refused')`;

/** Nothing of the other route in it. */
export const OF_ROUTE = `NOT EXISTS (SELECT 1 FROM message_alerts o JOIN alerts oa ON oa.id = o.alert_id
  WHERE o.message_id = m.id AND oa.route <> ?)`;

/** Of an alert. */
export function routeOf(db: SmsDeps['db'], alertId: number): string {
  return (
    (db.prepare('SELECT route FROM alerts WHERE id = ?').get(alertId) as { route: string } | undefined)?.route ?? ''
  );
}

/**
 * Puts texts into the outbox, in the caller's transaction: one per contact, and none more where one already waits for this number: it tells about
 * these alerts too, those of one route together. A number that answered STOP gets none (its alerts' events say so). Wake the sender after the commit.
 *
 * @returns how many texts were queued or grew
 */
export function queueTexts(deps: SmsDeps, texts: TextsToQueue): number {
  const { db } = deps;
  if (texts.kind !== 'reply' && texts.alertIds.length === 0) return 0;
  const touched = new Set<number>();
  const people = new Map(texts.contacts.map((contact) => [contact.phone, contact]));
  for (const contact of people.values()) {
    if (texts.kind !== 'reply' && isStopped(db, contact.phone)) {
      refuse(deps, texts, contact);
      continue;
    }
    const waiting = waitingFor(deps, texts, contact);
    if (waiting !== undefined) grow(deps, texts, waiting);
    touched.add(waiting ?? insert(deps, texts, contact, 'queued'));
  }
  if (texts.body === undefined && texts.kind !== 'reply') settleTexts(deps, touched, texts);
  if (touched.size > 0) {
    for (const { name, phone } of people.values()) {
      if (isStopped(db, phone)) continue;
      for (const id of texts.alertIds) addEvent(db, id, 'queued', texts.at, { source: 'sms', recipient: name });
    }
  }
  if (touched.size === 0) bringForward(deps, texts.alertIds, texts.at);
  return touched.size;
}

function waitingFor({ db }: SmsDeps, texts: TextsToQueue, { phone }: Contact): number | undefined {
  if (texts.body !== undefined || texts.kind === 'reply') return undefined;
  const route = routeOf(db, texts.alertIds[0] ?? 0);
  // What waits for the morning is not told at night because something else is.
  const held = texts.notBefore === undefined ? 0 : 1;
  const row = db
    .prepare(
      `SELECT m.id FROM messages m WHERE m.phone = ? AND m.kind = ? AND ${NEVER_LEFT} AND ${OF_ROUTE}
        AND (m.held = ? OR (? = 0 AND m.not_before <= ?)) AND (? IS NULL OR m.code = ?) ORDER BY m.id LIMIT 1`,
    )
    .get(phone, texts.kind, route, held, held, texts.at, texts.code ?? null, texts.code ?? null) as
    | { id: number }
    | undefined;
  return row?.id;
}

function grow({ db, config }: SmsDeps, { alertIds, at, notBefore }: TextsToQueue, id: number): void {
  const add = db.prepare('INSERT OR IGNORE INTO message_alerts (message_id, alert_id) VALUES (?, ?)');
  for (const alertId of alertIds) add.run(id, alertId);
  const critical = wantedAlerts(db, id).some((alert) => alertIds.includes(alert.id) && alert.severity === 'critical');
  // A warning that waits for its hourly limit leaves with the critical.
  const earliest = critical ? Math.min(at + config.gatherMs, notBefore ?? Number.MAX_SAFE_INTEGER) : undefined;
  db.prepare('UPDATE messages SET not_before = min(not_before, ?), updated_at = ? WHERE id = ?').run(
    earliest ?? Number.MAX_SAFE_INTEGER,
    at,
    id,
  );
}

function insert(deps: SmsDeps, texts: TextsToQueue, contact: Contact, state: 'queued' | 'failed'): number {
  const { db, config } = deps;
  const { kind, alertIds, at, notBefore, body, code } = texts;
  const start = notBefore ?? (kind === 'reply' ? at : at + config.gatherMs);
  const { lastInsertRowid } = db
    .prepare(
      `INSERT INTO messages (token, kind, recipient, phone, severity, body, code, state, created_at, not_before, updated_at, composed, held)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      randomBytes(12).toString('base64url'),
      kind,
      contact.name,
      contact.phone,
      kind === 'reply' ? 'warning' : severitiesOf(deps, alertIds),
      body ?? '',
      code ?? null,
      state,
      at,
      start,
      at,
      body === undefined ? 1 : 0,
      notBefore !== undefined && notBefore > at ? 1 : 0,
    );
  const id = Number(lastInsertRowid);
  const add = db.prepare('INSERT OR IGNORE INTO message_alerts (message_id, alert_id) VALUES (?, ?)');
  for (const alertId of alertIds) add.run(id, alertId);
  return id;
}

function severitiesOf({ db }: SmsDeps, alertIds: readonly number[]): 'warning' | 'critical' {
  const of = db.prepare('SELECT severity FROM alerts WHERE id = ?');
  return severityOf(alertIds.map((id) => (of.get(id) as { severity: string } | undefined) ?? { severity: 'warning' }));
}

/** Severity, code and text of waiting messages follow from their alerts: the same alerts have the same code. */
function settleTexts(deps: SmsDeps, ids: Iterable<number>, { at, code }: TextsToQueue): void {
  for (const id of ids) settleText(deps, id, at, code);
}

/** As {@link queueTexts} leaves a message; also used where a waiting message changes. */
export function settleText(deps: SmsDeps, id: number, at: number, given?: string): void {
  const { db } = deps;
  const alerts = wantedAlerts(db, id);
  if (alerts.length === 0) return;
  // Somebody may have the code of a text that left already.
  const left = db.prepare(`SELECT m.code FROM messages m WHERE m.id = ? AND NOT (${NEVER_LEFT})`).get(id) as
    | { code: string | null }
    | undefined;
  const code = given ?? left?.code ?? sharedCode(db, alerts) ?? newCode(db, at);
  db.prepare('UPDATE messages SET severity = ?, code = ?, body = ?, updated_at = ? WHERE id = ?').run(
    severityOf(alerts),
    code,
    textOf(deps, alerts, code, at),
    at,
    id,
  );
}

function refuse(deps: SmsDeps, texts: TextsToQueue, contact: Contact): void {
  const id = insert(deps, texts, contact, 'failed');
  const error = 'answered STOP: no texts until START';
  deps.db.prepare("UPDATE messages SET error_code = '21610', error = ? WHERE id = ?").run(error, id);
  for (const alertId of texts.alertIds) {
    addEvent(deps.db, alertId, 'undelivered', texts.at, { source: 'sms', recipient: contact.name, error });
  }
}

/**
 * Takes alerts out of the texts that wait, in the caller's transaction: they were acknowledged or are resolved. A text that then has nothing to
 * tell is cancelled, also one that was to be sent again.
 *
 * @returns how many texts were cancelled
 */
export function cancelTextsOf(deps: SmsDeps, alertIds: readonly number[], at: number): number {
  const { db } = deps;
  let cancelled = 0;
  const over = new Set(alertIds);
  const messagesOf = db.prepare(
    `SELECT m.id FROM message_alerts ma JOIN messages m ON m.id = ma.message_id
    WHERE ma.alert_id = ? AND m.state = 'queued' AND m.kind <> 'reply'`,
  );
  const drop = db.prepare(
    `DELETE FROM message_alerts WHERE alert_id = ? AND message_id IN (SELECT m.id FROM messages m WHERE m.id = ? AND ${NEVER_LEFT})`,
  );
  // The last one stays: what a cancelled text would have told about.
  const others = db.prepare('SELECT 1 FROM message_alerts WHERE message_id = ? AND alert_id <> ?');
  const changed = new Set<number>();
  for (const alertId of over) {
    for (const { id } of messagesOf.all(alertId) as { id: number }[]) {
      changed.add(id);
      if (others.get(id, alertId) !== undefined) drop.run(alertId, id);
    }
  }
  for (const id of changed) {
    const left = wantedAlerts(db, id).filter((alert) => !over.has(alert.id));
    if (left.length > 0) {
      settleText(deps, id, at);
      continue;
    }
    cancelled += 1;
    db.prepare(
      "UPDATE messages SET state = 'cancelled', updated_at = ?, error = 'acknowledged or resolved' WHERE id = ?",
    ).run(at, id);
  }
  return cancelled;
}
