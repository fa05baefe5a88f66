import { stoppedContacts } from '../acknowledge/people.ts';
import { unanswered } from '../escalation/escalate.ts';
import { pendingCount } from '../life/export.ts';
import type { SmsDeps } from '../types.ts';

/** What the outbox's file says now; ages in seconds. */
export interface SmsState {
  /** Texts by state: `queued`, `sent`, `delivered`, … */
  readonly texts: Readonly<Record<string, number>>;
  /** Age of the oldest text that is due or was tried, and of which nobody knows that it left; 0 where none. */
  readonly oldestDueSeconds: number;
  /** The same, critical ones only. */
  readonly oldestCriticalSeconds: number;
  /** Alerts that fire: `waiting` for an answer, or `acknowledged`. */
  readonly alerts: Readonly<Record<'waiting' | 'acknowledged', number>>;
  /** Critical alerts that everybody on call was told about and nobody acknowledged. */
  readonly unanswered: number;
  /** Names of those on call who answered STOP. */
  readonly stopped: readonly string[];
  /** Events that wait for ClickHouse. */
  readonly eventsWaiting: number;
}

const STATES = ['queued', 'sending', 'sent', 'delivered', 'undelivered', 'maybe_sent', 'failed', 'cancelled'] as const;

/** Throws where the database cannot be read. */
export function readSmsState(deps: SmsDeps): SmsState {
  const { db, config, clock } = deps;
  const now = clock.now();
  const counted = db.prepare('SELECT state, COUNT(*) AS count FROM messages GROUP BY state').all() as {
    state: string;
    count: number;
  }[];
  const oldest = (severity: string) => {
    const row = db
      .prepare(
        `SELECT MIN(created_at) AS at FROM messages
         WHERE state IN ('queued', 'sending', 'maybe_sent') AND (not_before <= ? OR attempts > 0) AND severity LIKE ?`,
      )
      .get(now, severity) as { at: number | null };
    return row.at === null ? 0 : Math.max(0, (now - row.at) / 1000);
  };
  const alerts = db
    .prepare(
      `SELECT COUNT(*) FILTER (WHERE acknowledged_at IS NULL) AS waiting, COUNT(acknowledged_at) AS acknowledged
       FROM alerts WHERE status = 'firing'`,
    )
    .get() as { waiting: number; acknowledged: number };
  return {
    texts: {
      ...Object.fromEntries(STATES.map((state) => [state, 0])),
      ...Object.fromEntries(counted.map((row) => [row.state, row.count])),
    },
    oldestDueSeconds: oldest('%'),
    oldestCriticalSeconds: oldest('critical'),
    alerts: { waiting: alerts.waiting, acknowledged: alerts.acknowledged },
    unanswered: unanswered(deps),
    stopped: stoppedContacts(db, config),
    eventsWaiting: pendingCount(deps),
  };
}
