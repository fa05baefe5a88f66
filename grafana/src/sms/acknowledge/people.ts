import type { DatabaseSync } from 'node:sqlite';
import type { Contact, SmsConfig } from '../types.ts';

/** Who on call has this number; undefined for everybody else. */
export function contactOf(config: Pick<SmsConfig, 'onCall'>, phone: string): Contact | undefined {
  return [...config.onCall.clients, ...config.onCall.operations].flat().find((contact) => contact.phone === phone);
}

/** Whether the number's owner answered STOP. */
export function isStopped(db: DatabaseSync, phone: string): boolean {
  return db.prepare('SELECT 1 FROM stopped WHERE phone = ?').get(phone) !== undefined;
}

/** Names of those on call who answered STOP. */
export function stoppedContacts(db: DatabaseSync, config: Pick<SmsConfig, 'onCall'>): string[] {
  const contacts = [...config.onCall.clients, ...config.onCall.operations].flat();
  return [...new Set(contacts.filter(({ phone }) => isStopped(db, phone)).map(({ name }) => name))];
}

/** `14:05 UTC`, or by the clock of the quiet hours' zone; with the day where it is another. */
export function clockTime(config: Pick<SmsConfig, 'quietHours'>, at: number, now: number): string {
  const timeZone = config.quietHours?.timeZone ?? 'UTC';
  const day = (time: number) => new Intl.DateTimeFormat('en-CA', { timeZone }).format(time);
  const time = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
  }).format(at);
  return day(at) === day(now) ? time : `${day(at)} ${time}`;
}
