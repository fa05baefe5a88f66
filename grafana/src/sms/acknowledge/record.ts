import { cancelTextsOf } from '../delivery/queue.ts';
import { addEvent } from '../store/events.ts';
import type { SmsDeps } from '../types.ts';
import type { AlertRow } from './alerts.ts';

/** How somebody acknowledged. */
export type Channel = 'sms' | 'link' | 'dashboard' | 'command';

export interface Acknowledgement {
  /** Acknowledged now. */
  readonly acknowledged: readonly AlertRow[];
  /** Somebody had done so: who and when are in the row. */
  readonly already: readonly AlertRow[];
  /** Over before anybody acknowledged. */
  readonly resolved: readonly AlertRow[];
}

/**
 * Records who acknowledged, when and how, and stops the texts of these alerts: queued ones are cancelled, none goes to a further level.
 * Who was texted before gets no further text about it. Runs in the caller's transaction.
 *
 * @param alerts as read in this transaction
 * @param by who, as ledger and dashboards show it
 * @param at Unix milliseconds
 */
export function acknowledge(
  deps: SmsDeps,
  alerts: readonly AlertRow[],
  by: string,
  how: Channel,
  at: number,
): Acknowledgement {
  const { db } = deps;
  const already = alerts.filter((alert) => alert.acknowledged_at !== null);
  const resolved = alerts.filter((alert) => alert.acknowledged_at === null && alert.status === 'resolved');
  const open = alerts.filter((alert) => alert.acknowledged_at === null && alert.status === 'firing');
  if (open.length === 0) return { acknowledged: [], already, resolved };
  const update = db.prepare(
    'UPDATE alerts SET acknowledged_at = ?, acknowledged_by = ?, acknowledged_how = ?, escalate_at = NULL WHERE id = ?',
  );
  for (const { id } of open) {
    update.run(at, by, how, id);
    addEvent(db, id, 'acknowledged', at, { source: 'person', actor: by, channel: how });
  }
  cancelTextsOf(
    deps,
    open.map(({ id }) => id),
    at,
  );
  const acknowledged = open.map((alert) => ({
    ...alert,
    acknowledged_at: at,
    acknowledged_by: by,
    acknowledged_how: how,
  }));
  return { acknowledged, already, resolved };
}
