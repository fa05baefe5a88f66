import { hash } from 'node:crypto';

const DAY = 86_400_000;

/**
 * The `usage.id` of something that several processes may learn of (a webhook that is delivered twice, a fee that is in two
 * answers, a number's month): the same key and UTC day give the same id, so it is one charge however often it is reported.
 * A UUIDv7 by its form, with the day's beginning as its time, so that the ledger finds it where its day is.
 *
 * @param key what the provider calls it, with the service in front: `stripe:ch_3N…`, `twilio_phone:PN…:2026-11-05`
 * @param at a time that everyone who learns of it knows (a creation time of the provider, a period's beginning)
 */
export function derivedUsageId(key: string, at: Date): string {
  const time = (Math.floor(at.getTime() / DAY) * DAY).toString(16).padStart(12, '0');
  const digest = hash('sha256', key);
  const variant = ((Number.parseInt(digest.slice(3, 5), 16) & 0x3f) | 0x80).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${digest.slice(0, 3)}-${variant}${digest.slice(5, 7)}-${digest.slice(7, 19)}`;
}
