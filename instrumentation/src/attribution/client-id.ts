import { createHash } from 'node:crypto';
import { quote, warnOnce } from '../log.ts';

/** Longest client id that is kept as it is, in UTF-16 units. */
export const MAX_CLIENT_ID_LENGTH = 256;
/** Hexadecimal digits of the SHA-256 that ends a shortened id. */
const HASH_LENGTH = 32;

/** What a call with no client is recorded under. */
export const UNATTRIBUTED = 'unattributed';

/**
 * A client id as it is recorded. Any non-empty string is taken as data, unchanged: quotes, control characters, SQL,
 * emoji, surrounding spaces. Lone surrogates become U+FFFD (they cannot be sent as UTF-8). An id of more than
 * {@link MAX_CLIENT_ID_LENGTH} units becomes its beginning, `~` and 32 hex digits of the SHA-256 of the whole, so that
 * the same long id is always the same client and two long ids with a common beginning stay two.
 *
 * @param source who said so, for the warning: `withClient`, …
 * @returns undefined, after one warning per source, for anything that is not a non-empty string
 */
export function normalizeClientId(value: unknown, source: string): string | undefined {
  if (typeof value !== 'string' || value.length === 0) {
    const what = value === '' ? 'an empty string' : quote(value);
    warnOnce(`client-id:${source}`, `${source}: a client id must be a non-empty string, not ${what}; it is ignored`);
    return undefined;
  }
  if (value.length <= MAX_CLIENT_ID_LENGTH) return value.isWellFormed() ? value : value.toWellFormed();
  const hash = createHash('sha256').update(value, 'utf8').digest('hex').slice(0, HASH_LENGTH);
  return `${value.slice(0, MAX_CLIENT_ID_LENGTH - HASH_LENGTH - 1).toWellFormed()}~${hash}`;
}
