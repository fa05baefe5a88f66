import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { prepared } from './prepared.ts';

export type AlertEventName =
  | 'fired'
  | 'repeated'
  | 'suppressed'
  | 'queued'
  | 'sent'
  | 'delivered'
  | 'undelivered'
  | 'maybe_sent'
  | 'escalated'
  | 'acknowledged'
  | 'silenced'
  | 'resolved';

/** What an event says beside the alert itself; the columns of `usage_alerts`. */
export interface AlertEventFacts {
  readonly source?: 'grafana' | 'check' | 'sms' | 'twilio' | 'person';
  readonly actor?: string;
  readonly channel?: 'sms' | 'link' | 'dashboard' | 'command';
  readonly recipient?: string;
  readonly message_sid?: string;
  readonly error?: string;
  readonly acknowledge_url?: string;
}

interface AlertColumns {
  key: string;
  client_id: string;
  client_name: string;
  alert_type: string;
  severity: string;
  month: string;
  message: string;
  details: string;
  source: string;
}

/** Adds an event of an alert's life, in the caller's transaction; the exporter takes it to ClickHouse later. */
export function addEvent(
  db: DatabaseSync,
  alertId: number,
  event: AlertEventName,
  at: number,
  facts: AlertEventFacts = {},
): void {
  const alert = prepared(
    db,
    'SELECT key, client_id, client_name, alert_type, severity, month, message, details, source FROM alerts WHERE id = ?',
  ).get(alertId) as AlertColumns | undefined;
  if (alert === undefined) throw new Error(`There is no alert ${alertId}`);
  const { key, ...columns } = alert;
  const id = randomUUID();
  const row = {
    event_id: id,
    time: new Date(at).toISOString().replace('T', ' ').replace('Z', ''),
    alert_key: key,
    event,
    ...columns,
    actor: '',
    channel: '',
    recipient: '',
    message_sid: '',
    error: '',
    acknowledge_url: '',
    ...facts,
  };
  prepared(db, 'INSERT INTO events (id, at, alert_key, event, row) VALUES (?, ?, ?, ?, ?)').run(
    id,
    at,
    key,
    event,
    JSON.stringify(row),
  );
}
