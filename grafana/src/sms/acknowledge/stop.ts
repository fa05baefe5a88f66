import type { SmsDeps } from '../types.ts';
import { contactOf, isStopped } from './people.ts';

/**
 * Somebody answered STOP: nothing more is sent to this number. What waits for it is cancelled, and a critical alert that nobody else of
 * its level is told about goes to the next level now. In the caller's transaction.
 *
 * @param at Unix milliseconds
 * @returns whether an alert goes to the next level
 */
export function stopTexts(deps: SmsDeps, phone: string, at: number): boolean {
  const { db, config, log } = deps;
  db.prepare('INSERT INTO stopped (phone, at) VALUES (?, ?) ON CONFLICT (phone) DO NOTHING').run(phone, at);
  const { changes } = db
    .prepare(
      "UPDATE messages SET state = 'cancelled', error = 'answered STOP', updated_at = ? WHERE phone = ? AND state = 'queued'",
    )
    .run(at, phone);
  const told = db
    .prepare(
      `SELECT DISTINCT a.id, a.route, a.level FROM alerts a
       JOIN message_alerts ma ON ma.alert_id = a.id JOIN messages m ON m.id = ma.message_id
       WHERE m.phone = ? AND a.status = 'firing' AND a.severity = 'critical' AND a.acknowledged_at IS NULL AND m.created_at >= a.fired_at`,
    )
    .all(phone) as { id: number; route: 'clients' | 'operations'; level: number }[];
  const alone = told.filter(({ route, level }) =>
    (config.onCall[route][level] ?? []).every((contact) => isStopped(db, contact.phone)),
  );
  const last = (route: 'clients' | 'operations') => config.onCall[route].length - 1;
  const next = alone.filter(({ route, level }) => level < last(route));
  for (const { id } of next) db.prepare('UPDATE alerts SET escalate_at = ? WHERE id = ?').run(at, id);
  const contact = contactOf(config, phone);
  if (contact !== undefined) {
    log.warn(
      { contact: contact.name, cancelled: Number(changes), escalated: next.length },
      'A contact on call answered STOP: no more texts to this person until START; others on call get them',
    );
  }
  return next.length > 0;
}
