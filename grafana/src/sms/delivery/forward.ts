import type { SmsDeps } from '../types.ts';

/**
 * Brings the escalation of criticals forward to now where no text about them can reach anybody any more, in the caller's transaction. Those with no
 * further level have nobody left: the log says so.
 */
export function bringForward({ db, log }: SmsDeps, alertIds: readonly number[], at: number): void {
  for (const id of alertIds) {
    const alive = db
      .prepare(
        `SELECT 1 FROM message_alerts ma JOIN messages m ON m.id = ma.message_id JOIN alerts a ON a.id = ma.alert_id
        WHERE ma.alert_id = ? AND m.kind <> 'reply' AND m.created_at >= a.fired_at
          AND m.state IN ('queued', 'sending', 'maybe_sent', 'sent', 'delivered')`,
      )
      .get(id);
    if (alive !== undefined) continue;
    const { changes } = db
      .prepare(
        `UPDATE alerts SET escalate_at = min(escalate_at, ?) WHERE id = ? AND escalate_at IS NOT NULL
          AND status = 'firing' AND acknowledged_at IS NULL`,
      )
      .run(at, id);
    if (changes === 0)
      log.error({ alert: keyOf(db, id) }, 'No text about this alert reached anybody, and nobody is left to text');
  }
}

function keyOf(db: SmsDeps['db'], id: number): string {
  return (db.prepare('SELECT key FROM alerts WHERE id = ?').get(id) as { key: string } | undefined)?.key ?? String(id);
}
