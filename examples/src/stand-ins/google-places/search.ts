import { PLACES, type Place } from './data.ts';

export const PAGE_SIZE = 20;

/**
 * What a search finds: `nothing` finds nothing, an id or the whole name of a place that place, everything else all places.
 * Searching is not what this stand-in is about.
 */
export function find(query: string): readonly Place[] {
  const wanted = query.trim().toLowerCase();
  if (/\bnothing\b/.test(wanted)) return [];
  const one = PLACES.find(
    (place) =>
      place.id.toLowerCase() === wanted || (place.displayName as { text: string }).text.toLowerCase() === wanted,
  );
  return one === undefined ? PLACES : [one];
}

/** Page tokens carry where the next page begins and what was searched for. */
export function pageToken(query: string, start: number): string {
  return Buffer.from(JSON.stringify({ query, start })).toString('base64url');
}

/** Undefined for a token that no page named. */
export function readPageToken(token: string): { readonly query: string; readonly start: number } | undefined {
  try {
    const { query, start } = JSON.parse(Buffer.from(token, 'base64url').toString()) as {
      query: unknown;
      start: unknown;
    };
    return typeof query === 'string' && Number.isSafeInteger(start) ? { query, start: start as number } : undefined;
  } catch {
    return undefined;
  }
}

/** One page of what a search finds, and the token of the next one. */
export function page(
  query: string,
  start: number,
  size: number,
): { readonly places: readonly Place[]; readonly next: string | undefined } {
  const found = find(query);
  const places = found.slice(start, start + size);
  const end = start + places.length;
  return { places, next: end < found.length && places.length > 0 ? pageToken(query, end) : undefined };
}
