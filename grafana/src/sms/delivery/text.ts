import type { DatabaseSync } from 'node:sqlite';
import { acknowledgeUrl } from '../acknowledge/token.ts';
import { composeText } from '../texts/compose.ts';
import type { Route, SmsDeps } from '../types.ts';

/** An alert as a text needs it. */
export interface OpenAlert {
  readonly id: number;
  readonly key: string;
  readonly route: Route;
  readonly client_id: string;
  readonly client_name: string;
  readonly alert_type: string;
  readonly severity: string;
  readonly month: string;
  readonly message: string;
  readonly fired_at: number;
}

/**
 * The alerts of a message that somebody should still hear of: firing, not acknowledged, and no warning whose critical fires. The most severe
 * first, then the oldest.
 */
export function wantedAlerts(db: DatabaseSync, messageId: number): OpenAlert[] {
  return db
    .prepare(
      `SELECT a.id, a.key, a.route, a.client_id, a.client_name, a.alert_type, a.severity, a.month, a.message, a.fired_at
      FROM message_alerts ma JOIN alerts a ON a.id = ma.alert_id
      WHERE ma.message_id = ? AND a.status = 'firing' AND a.acknowledged_at IS NULL
        AND NOT (a.severity = 'warning' AND EXISTS (
          SELECT 1 FROM alerts c WHERE c.severity = 'critical' AND c.status = 'firing' AND c.foreign_alert = 0
            AND c.client_id = a.client_id AND c.alert_type = a.alert_type AND c.month = a.month AND c.route = a.route))
      ORDER BY a.severity = 'critical' DESC, a.fired_at, a.id`,
    )
    .all(messageId) as unknown as OpenAlert[];
}

/** The text of alerts as it would leave now. */
export function textOf(
  { config }: Pick<SmsDeps, 'config'>,
  alerts: readonly OpenAlert[],
  code: string | undefined,
  at: number,
  mayRepeat = false,
): string {
  const link = code === undefined ? undefined : acknowledgeUrl(config, { code }, at);
  return composeText({ alerts, code, link, mayRepeat });
}

/** More severe of what a text tells about. */
export function severityOf(alerts: readonly { readonly severity: string }[]): 'warning' | 'critical' {
  return alerts.some(({ severity }) => severity === 'critical') ? 'critical' : 'warning';
}

const alertsOf = (message: string) =>
  `(SELECT group_concat(alert_id) FROM (SELECT alert_id FROM message_alerts WHERE message_id = ${message}.id ORDER BY alert_id))`;

/**
 * The code of a text about exactly these alerts: the one that another text about the same alerts carries (everybody replies the same), as
 * long as none of them fired anew since. Undefined: they need a new one.
 */
export function sharedCode(db: DatabaseSync, alerts: readonly OpenAlert[]): string | undefined {
  const ids = alerts.map(({ id }) => id).sort((a, b) => a - b);
  const [first] = ids;
  if (first === undefined) return undefined;
  const row = db
    .prepare(
      `SELECT m.code FROM message_alerts ma JOIN messages m ON m.id = ma.message_id
      WHERE ma.alert_id = ? AND m.code IS NOT NULL AND m.kind <> 'reply' AND m.created_at >= ? AND ${alertsOf('m')} = ?
        AND NOT EXISTS (SELECT 1 FROM messages o WHERE o.code = m.code AND ${alertsOf('o')} <> ${alertsOf('m')})
      ORDER BY m.id DESC LIMIT 1`,
    )
    .get(first, Math.max(...alerts.map(({ fired_at }) => fired_at)), ids.join(','));
  return (row as { code: string } | undefined)?.code;
}
