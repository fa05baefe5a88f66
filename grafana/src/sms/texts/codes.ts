import { randomInt } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';

/** A code is not given out again for so long. */
export const CODE_REST_MS = 30 * 86_400_000;
/** With more taken than this, a guess of four digits would too often hit. */
const MANY = 1_000;

/**
 * A code to reply with: four random digits (the first not 0), six where many are taken. Not one of a text of the last 30 days, nor of a text
 * whose alerts are still open.
 */
export function newCode(db: DatabaseSync, now: number): string {
  const taken = db.prepare(
    `SELECT 1 FROM messages m WHERE m.code = ? AND (m.created_at > ? OR EXISTS (
      SELECT 1 FROM message_alerts ma JOIN alerts a ON a.id = ma.alert_id
      WHERE ma.message_id = m.id AND a.status = 'firing' AND a.acknowledged_at IS NULL))`,
  );
  const { count } = db
    .prepare('SELECT count(DISTINCT code) AS count FROM messages WHERE created_at > ? AND code IS NOT NULL')
    .get(now - CODE_REST_MS) as { count: number };
  const [low, high] = count < MANY ? [1_000, 10_000] : [100_000, 1_000_000];
  for (;;) {
    const code = String(randomInt(low, high));
    if (taken.get(code, now - CODE_REST_MS) === undefined) return code;
  }
}
