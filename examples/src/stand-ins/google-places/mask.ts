import { EMPTY_FIELDS, PLACES } from './data.ts';
import { ApiError } from './types.ts';

const PLACE_FIELDS = new Set([...Object.keys(PLACES[0] ?? {}), ...EMPTY_FIELDS]);
const SEARCH_FIELDS = new Set(['places', 'nextPageToken', 'routingSummaries', 'searchUri', 'contextualContents']);

const camelCase = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

type Tree = Map<string, Tree>;

/** A field mask as a tree; an empty one takes everything below. Refuses what Google refuses. */
export function parseMask(mask: string | undefined, of: 'place' | 'search'): Tree {
  if (mask === undefined || mask.trim() === '') {
    throw new ApiError(
      'INVALID_ARGUMENT',
      'FieldMask is a required parameter. See https://cloud.google.com/apis/docs/system-parameters on how to provide it in the request. As an example, you can set the header "X-Goog-FieldMask" with value "places.displayName" to ask for the display name of a place. You can set the value to "*" in manual testing to get all available response fields.',
    );
  }
  const tree: Tree = new Map();
  for (const path of mask.split(',')) {
    if (path === '*') return new Map();
    const names = path.split('.').map(camelCase);
    const place = of === 'place' ? names[0] : names[0] === 'places' ? names[1] : undefined;
    const known =
      (of === 'place' || SEARCH_FIELDS.has(names[0] ?? '')) &&
      (place === undefined ? of === 'search' : place === '*' || PLACE_FIELDS.has(place));
    if (!known || /\s/.test(path)) {
      const message = `Request contains an invalid argument.`;
      const description = `Error expanding 'fields' parameter. Cannot find matching fields for path '${path}'.`;
      throw new ApiError('INVALID_ARGUMENT', message, [
        { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [{ field: path, description }] },
      ]);
    }
    let node = tree;
    for (const name of names) {
      if (name === '*') break;
      const next = node.get(name) ?? new Map();
      node.set(name, next);
      node = next;
    }
  }
  return tree;
}

/** What a mask leaves of an answer. */
export function applyMask(tree: Tree, value: unknown): unknown {
  if (tree.size === 0) return value;
  if (Array.isArray(value)) return value.map((item) => applyMask(tree, item));
  if (value === null || typeof value !== 'object') return value;
  const kept = Object.entries(value).filter(([name]) => tree.has(name));
  return Object.fromEntries(kept.map(([name, item]) => [name, applyMask(tree.get(name) ?? new Map(), item)]));
}
