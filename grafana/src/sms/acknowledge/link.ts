import { transaction } from '../store/open.ts';
import { cleanLine, shorten } from '../texts/clean.ts';
import type { SmsDeps } from '../types.ts';
import { type AlertRow, alertsOfCode, alertsOfKey } from './alerts.ts';
import { type Acknowledgement, acknowledge, type Channel } from './record.ts';
import { readAcknowledgeToken } from './token.ts';

export type LinkReading =
  | { readonly ok: true; readonly alerts: readonly AlertRow[] }
  /** `unknown`: not one of our links, or one whose alerts are no longer kept; both look the same from outside. */
  | { readonly ok: false; readonly reason: 'expired' | 'unknown' };

/** The alerts that a link is about. Changes nothing: mail and chat programs fetch every link they see. */
export function readLink({ db, config, clock }: SmsDeps, token: string): LinkReading {
  const reading = readAcknowledgeToken(config, token, clock.now());
  if (!reading.ok) return { ok: false, reason: reading.reason === 'expired' ? 'expired' : 'unknown' };
  const { subject, issuedAt } = reading;
  const alerts = 'code' in subject ? alertsOfCode(db, subject.code, { until: issuedAt }) : alertsOfKey(db, subject.key);
  return alerts.length === 0 ? { ok: false, reason: 'unknown' } : { ok: true, alerts };
}

/** Longest name that is kept. */
export const MAX_NAME = 60;

/** A name as somebody gave it: one clean line; undefined where nothing is left of it, or where it is a phone number. */
export function readName(given: unknown): string | undefined {
  if (typeof given !== 'string') return undefined;
  const name = shorten(cleanLine(given), MAX_NAME);
  // A login may end in a date; a number has a plus, or more digits, or nothing else beside it.
  const number = /\+\d(?:[\s().-]?\d){6,}|\d(?:[\s().-]{0,2}\d){9,}|^[\d\s().+-]+$/.test(name);
  return /[\p{L}\p{N}]/u.test(name) && !number ? name : undefined;
}

/** How a link was used: `link` unless the sender says otherwise. The link allows it; who and how are what its user says. */
export function readChannel(given: unknown): Channel {
  return given === 'dashboard' || given === 'command' ? given : 'link';
}

/**
 * Acknowledges what a link is about.
 *
 * @param by from {@link readName}
 */
export function acknowledgeByLink(
  deps: SmsDeps,
  token: string,
  by: string,
  how: Channel,
): Acknowledgement | Extract<LinkReading, { ok: false }> {
  return transaction(deps.db, () => {
    const reading = readLink(deps, token);
    return reading.ok ? acknowledge(deps, reading.alerts, by, how, deps.clock.now()) : reading;
  });
}
