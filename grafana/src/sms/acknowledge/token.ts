import { createHmac, timingSafeEqual } from 'node:crypto';
import type { SmsConfig } from '../types.ts';

/** What a link acknowledges: every alert that a text with this code told about, or one alert. */
export type AcknowledgeSubject = { readonly code: string } | { readonly key: string };

export type TokenReading =
  | {
      readonly ok: true;
      readonly subject: AcknowledgeSubject;
      /** When the link was made, Unix milliseconds, up to a minute late: a code may be given out again later. */
      readonly issuedAt: number;
    }
  | { readonly ok: false; readonly reason: 'malformed' | 'forged' | 'expired' };

const MINUTE = 60_000;
/** 96 bits: 16 characters, and nobody guesses them over a network. */
const SIGNATURE_BYTES = 12;
const MAX_LENGTH = 512;

/**
 * The link that acknowledges, `{publicUrl}/a/{signature}.{expiry}.{subject}`; for a code 29 characters after the public URL. The readable part
 * comes last: a phone ends a link at a letter or digit.
 *
 * @param now Unix milliseconds
 * @returns undefined where the service has no public URL
 */
export function acknowledgeUrl(
  config: Pick<SmsConfig, 'publicUrl' | 'linkSecret' | 'linkSeconds'>,
  subject: AcknowledgeSubject,
  now: number,
): string | undefined {
  if (config.publicUrl === undefined) return undefined;
  return `${config.publicUrl}/a/${acknowledgeToken(config, subject, now)}`;
}

/** The last part of {@link acknowledgeUrl}. */
export function acknowledgeToken(
  config: Pick<SmsConfig, 'linkSecret' | 'linkSeconds'>,
  subject: AcknowledgeSubject,
  now: number,
): string {
  const expiry = Math.ceil((now + config.linkSeconds * 1000) / MINUTE).toString(36);
  const named = 'code' in subject ? `c${subject.code}` : `k${Buffer.from(subject.key).toString('base64url')}`;
  const payload = `${expiry}.${named}`;
  return `${signatureOf(config.linkSecret, payload).toString('base64url')}.${payload}`;
}

/**
 * Reads a token. The signature is compared in constant time and before anything of the token is believed.
 *
 * @param now Unix milliseconds
 */
export function readAcknowledgeToken(
  config: Pick<SmsConfig, 'linkSecret' | 'linkSeconds'>,
  token: string,
  now: number,
): TokenReading {
  const match = /^([\w-]{16})\.([0-9a-z]{1,9})\.(?:c([\w-]{1,32})|k([\w-]+))$/.exec(
    token.length > MAX_LENGTH ? '' : token,
  );
  if (match === null) return { ok: false, reason: 'malformed' };
  const [, signature = '', expiry = '', code, key] = match;
  const expected = signatureOf(config.linkSecret, token.slice(signature.length + 1));
  if (!timingSafeEqual(Buffer.from(signature, 'base64url'), expected)) return { ok: false, reason: 'forged' };
  const expiresAt = Number.parseInt(expiry, 36) * MINUTE;
  if (now >= expiresAt) return { ok: false, reason: 'expired' };
  const subject = code !== undefined ? { code } : { key: Buffer.from(key ?? '', 'base64url').toString() };
  return { ok: true, subject, issuedAt: expiresAt - config.linkSeconds * 1000 };
}

function signatureOf(secret: string, payload: string): Buffer {
  return createHmac('sha256', secret)
    .update(`client-cost acknowledge 1\n${payload}`)
    .digest()
    .subarray(0, SIGNATURE_BYTES);
}
