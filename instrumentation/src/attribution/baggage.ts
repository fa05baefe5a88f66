import { BAGGAGE_MEMBER } from './index.ts';

// W3C Baggage: members are separated by commas, properties of a member by semicolons, values are percent-encoded UTF-8.
// The header as a whole should not exceed 8,192 bytes.
const MAX_HEADER_LENGTH = 8192;

/** The value of the `client.id` member of a `baggage` header, percent-decoded; undefined when there is none. */
export function clientOfBaggage(header: string | undefined): string | undefined {
  if (header === undefined || header.length > MAX_HEADER_LENGTH) return undefined;
  const found = membersOf(header).find(({ name }) => name.trim() === BAGGAGE_MEMBER);
  return found && decoded(found.value);
}

/**
 * Every value that any reader of a `baggage` header may take for the client, as it stands and percent-decoded: of the first
 * member or the last, with the name percent-encoded, after an empty value, in a header of any length.
 */
export function clientsInBaggage(header: string): ReadonlySet<string> {
  const named = membersOf(header).filter(({ name }) => decoded(name).trim() === BAGGAGE_MEMBER);
  return new Set(named.flatMap(({ value }) => [value, decoded(value)]));
}

/** The members without their properties, as they stand. */
function membersOf(header: string): { readonly name: string; readonly value: string }[] {
  return header.split(',').flatMap((member) => {
    const pair = member.split(';', 1)[0] ?? '';
    const at = pair.indexOf('=');
    return at < 0 ? [] : [{ name: pair.slice(0, at), value: pair.slice(at + 1).trim() }];
  });
}

/** What is not percent-encoded by the letter is taken as it stands. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
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
