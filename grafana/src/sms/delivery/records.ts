import { type AlertEventFacts, type AlertEventName, addEvent } from '../store/events.ts';
import type { SmsDeps } from '../types.ts';
import { bringForward } from './forward.ts';

export interface Attempt {
  id: number;
  message_id: number;
  number: number;
  started_at: number;
  outcome: string;
  sid: string | null;
  status: string | null;
}

export interface Message {
  id: number;
  kind: string;
  recipient: string;
  phone: string;
  state: string;
  attempts: number;
  repeats: number;
  sent_at: number | null;
}

export const attemptOf = ({ db }: SmsDeps, id: number) =>
  db.prepare('SELECT id, message_id, number, started_at, outcome, sid, status FROM attempts WHERE id = ?').get(id) as
    | Attempt
    | undefined;

export const messageOf = ({ db }: SmsDeps, id: number) =>
  db
    .prepare('SELECT id, kind, recipient, phone, state, attempts, repeats, sent_at FROM messages WHERE id = ?')
    .get(id) as unknown as Message;

export function alertsOf({ db }: SmsDeps, messageId: number): number[] {
  const rows = db.prepare('SELECT alert_id FROM message_alerts WHERE message_id = ?').all(messageId);
  return (rows as { alert_id: number }[]).map(({ alert_id }) => alert_id);
}

/** What no text could tell does not count as told: the next webhook about it may text again; criticals go on to the next level now. */
export function nobodyHeard(deps: SmsDeps, messageId: number, at: number): void {
  deps.db
    .prepare(
      `UPDATE alerts SET last_texted_at = NULL WHERE id IN (SELECT alert_id FROM message_alerts WHERE message_id = ?)
        AND NOT EXISTS (SELECT 1 FROM message_alerts ma JOIN messages m ON m.id = ma.message_id WHERE ma.alert_id = alerts.id
          AND m.kind <> 'reply' AND m.created_at >= alerts.fired_at AND m.state IN ('sent', 'delivered', 'sending', 'maybe_sent'))`,
    )
    .run(messageId);
  bringForward(deps, alertsOf(deps, messageId), at);
}

/** Somebody was texted, or may have been: the same is not texted again for a while. */
export function touchAlerts({ db }: SmsDeps, messageId: number, at: number): void {
  db.prepare(
    'UPDATE alerts SET last_texted_at = ? WHERE id IN (SELECT alert_id FROM message_alerts WHERE message_id = ?)',
  ).run(at, messageId);
}

export function stopNumber({ db }: SmsDeps, phone: string, at: number): void {
  db.prepare('INSERT OR IGNORE INTO stopped (phone, at) VALUES (?, ?)').run(phone, at);
}

export function tell(
  deps: SmsDeps,
  message: Pick<Message, 'id' | 'kind' | 'recipient'>,
  event: AlertEventName,
  facts: AlertEventFacts,
): void {
  if (message.kind === 'reply') return;
  const source = event === 'sent' || event === 'maybe_sent' ? 'sms' : 'twilio';
  for (const id of alertsOf(deps, message.id)) {
    addEvent(deps.db, id, event, deps.clock.now(), { source, recipient: message.recipient, ...facts });
  }
}
