import { BAGGAGE_MEMBER } from './index.ts';

// W3C Baggage: members are separated by commas, properties of a member by semicolons, values are percent-encoded UTF-8.
// The header as a whole should not exceed 8,192 bytes.
const MAX_HEADER_LENGTH = 8192;

/** The value of the `client.id` member of a `baggage` header, percent-decoded; undefined when there is none. */
export function clientOfBaggage(header: string | undefined): string | undefined {
  if (header === undefined || header.length > MAX_HEADER_LENGTH) return undefined;
  for (const member of header.split(',')) {
    const pair = member.split(';', 1)[0] ?? '';
    const at = pair.indexOf('=');
    if (at < 0 || pair.slice(0, at).trim() !== BAGGAGE_MEMBER) continue;
    const raw = pair.slice(at + 1).trim();
    try {
      return decodeURIComponent(raw);
    } catch {
      return raw; // not percent-encoded by the letter: taken as it stands
    }
  }
  return undefined;
}

/**
 * A `baggage` header with the client added.
 *
 * @returns undefined when there is nothing to change: a client.id is in it already, or the header would get too long
 */
export function addClientToBaggage(header: string | undefined, clientId: string): string | undefined {
  if (header !== undefined && clientOfBaggage(header) !== undefined) return undefined;
  const member = `${BAGGAGE_MEMBER}=${encodeURIComponent(clientId.toWellFormed())}`;
  const merged = header === undefined || header.trim() === '' ? member : `${header},${member}`;
  return merged.length > MAX_HEADER_LENGTH ? undefined : merged;
}
