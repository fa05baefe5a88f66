import { addEvent } from '../store/events.ts';
import { transaction } from '../store/open.ts';
import type { SmsDeps } from '../types.ts';
import { silenceEnd } from './silence.ts';

/** How long after a silence an alert that still fires is surely heard of again: Grafana repeats within a day. */
const GRACE_MS = 48 * 3_600_000;

/**
 * Resolves alerts whose end Grafana never told: a silence swallows the "resolved" as well. Once the silence is over, and nothing was heard since,
 * they are over too.
 *
 * @returns how many
 */
export function resolveUnheard(deps: SmsDeps): number {
  const { db, clock, log } = deps;
  const at = clock.now();
  return transaction(db, () => {
    const silenced = db
      .prepare(
        "SELECT id, key, month, silenced_at, last_seen_at FROM alerts WHERE status = 'firing' AND silenced_at IS NOT NULL",
      )
      .all() as { id: number; key: string; month: string; silenced_at: number; last_seen_at: number }[];
    const over = silenced.filter(({ month, silenced_at, last_seen_at }) => {
      const end = silenceEnd(month, silenced_at);
      return at > end + GRACE_MS && last_seen_at < end;
    });
    for (const { id, key } of over) {
      db.prepare("UPDATE alerts SET status = 'resolved', resolved_at = ?, escalate_at = NULL WHERE id = ?").run(at, id);
      addEvent(db, id, 'resolved', at, { source: 'sms' });
      log.info({ alert: key }, 'Silenced, and not heard of since the silence ended: resolved');
    }
    return over.length;
  });
}
