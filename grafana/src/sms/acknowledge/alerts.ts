import type { DatabaseSync } from 'node:sqlite';
import type { Severity, SmsDeps } from '../types.ts';

/** What an acknowledgement needs to know of an alert; times are Unix milliseconds. */
export interface AlertRow {
  readonly id: number;
  readonly key: string;
  readonly client_name: string;
  readonly client_id: string;
  readonly alert_type: string;
  readonly severity: Severity;
  readonly month: string;
  readonly message: string;
  /** JSON of the costs. */
  readonly details: string;
  readonly status: 'firing' | 'resolved';
  readonly fired_at: number;
  readonly resolved_at: number | null;
  readonly acknowledged_at: number | null;
  readonly acknowledged_by: string | null;
  readonly acknowledged_how: string | null;
}

const COLUMNS = `a.id, a.key, a.client_name, a.client_id, a.alert_type, a.severity, a.month, a.message, a.details, a.status, a.fired_at,
  a.resolved_at, a.acknowledged_at, a.acknowledged_by, a.acknowledged_how`;

/**
 * The alerts that a code stands for: those of the newest text with it, and of the other texts that told about one of them (a code may be
 * given out again once its alerts are over). Critical ones first.
 *
 * @param options.until only texts written by then, Unix milliseconds: a link means the code as it was when the link was made
 * @param options.phone only what was sent to this number
 */
export function alertsOfCode(
  db: DatabaseSync,
  code: string,
  { until = Number.MAX_SAFE_INTEGER, phone }: { until?: number; phone?: string } = {},
): AlertRow[] {
  const newest = db
    .prepare(
      `SELECT id FROM messages WHERE code = ? AND created_at <= ? ${phone === undefined ? '' : 'AND phone = ?'}
       ORDER BY created_at DESC, id DESC LIMIT 1`,
    )
    .get(...(phone === undefined ? [code, until] : [code, until, phone])) as { id: number } | undefined;
  if (newest === undefined) return [];
  return db
    .prepare(
      `WITH told AS (SELECT alert_id FROM message_alerts WHERE message_id = ?)
       SELECT DISTINCT ${COLUMNS}
       FROM messages AS m
       JOIN message_alerts AS shared ON shared.message_id = m.id AND shared.alert_id IN told
       JOIN message_alerts AS all_of ON all_of.message_id = m.id
       JOIN alerts AS a ON a.id = all_of.alert_id
       WHERE m.code = ? AND m.created_at <= ?
       ORDER BY a.severity, a.client_name, a.id`,
    )
    .all(newest.id, code, until) as unknown as AlertRow[];
}

/** The alert of a key, in a list like {@link alertsOfCode}. */
export function alertsOfKey(db: DatabaseSync, key: string): AlertRow[] {
  return db.prepare(`SELECT ${COLUMNS} FROM alerts AS a WHERE a.key = ?`).all(key) as unknown as AlertRow[];
}

/**
 * SQL: the text `m` tells of alert `a` as it fires now. One that fired again and was not texted, because it had been a short while ago, is told of by
 * each person's newest text about it. The parameter: how long before it fired that text may have been written, milliseconds.
 */
export const TELLS_OF = `(m.created_at >= a.fired_at OR (m.created_at > a.fired_at - ?
  AND NOT EXISTS (
    SELECT 1 FROM message_alerts na JOIN messages n ON n.id = na.message_id
    WHERE na.alert_id = a.id AND n.kind = 'alert' AND n.created_at >= a.fired_at)
  AND m.id = (
    SELECT MAX(n.id) FROM message_alerts na JOIN messages n ON n.id = na.message_id
    WHERE na.alert_id = a.id AND n.phone = m.phone AND n.code IS NOT NULL AND n.state NOT IN ('queued', 'cancelled', 'failed'))))`;

export interface OpenCode {
  readonly code: string;
  readonly client_name: string;
  readonly message: string;
  readonly alerts: number;
}

/** The codes sent to a number of which an alert still fires and nobody acknowledged it, newest first. */
export function openCodesOf({ db, config }: Pick<SmsDeps, 'db' | 'config'>, phone: string): OpenCode[] {
  return db
    .prepare(
      `SELECT m.code AS code, a.client_name AS client_name, a.message AS message, COUNT(DISTINCT a.id) AS alerts, MAX(m.created_at) AS told
       FROM messages AS m
       JOIN message_alerts AS ma ON ma.message_id = m.id
       JOIN alerts AS a ON a.id = ma.alert_id
       WHERE m.phone = ? AND m.code IS NOT NULL AND m.state NOT IN ('queued', 'cancelled', 'failed')
         AND a.status = 'firing' AND a.acknowledged_at IS NULL AND ${TELLS_OF}
       GROUP BY m.code
       ORDER BY told DESC`,
    )
    .all(phone, config.repeatAfterSeconds * 1000) as unknown as OpenCode[];
}
