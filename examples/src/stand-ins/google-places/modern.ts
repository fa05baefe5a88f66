import { PLACES } from './data.ts';
import { applyMask, parseMask } from './mask.ts';
import { find, PAGE_SIZE, page, readPageToken } from './search.ts';
import { type Answer, ApiError, type PlacesStandInRequest } from './types.ts';

type Body = Readonly<Record<string, unknown>>;

/** The methods of `google.maps.places.v1.Places`, for REST and gRPC alike. They throw {@link ApiError}. */
export const METHODS = {
  searchText(body: Body, mask: string | undefined): unknown {
    const tree = parseMask(mask, 'search');
    const query = string(body.textQuery);
    if (query === '') throw new ApiError('INVALID_ARGUMENT', 'Empty text_query.');
    const token = string(body.pageToken);
    const from = token === '' ? { query, start: 0 } : readPageToken(token);
    if (from === undefined || from.query !== query) {
      throw new ApiError(
        'INVALID_ARGUMENT',
        'Request parameters must be the same as in the request of the page token.',
      );
    }
    const { places, next } = page(query, from.start, sizeOf(body.pageSize ?? body.maxResultCount));
    const searchUri = `https://www.google.com/maps/search/stand-in`;
    return applyMask(tree, {
      ...(places.length === 0 ? undefined : { places }),
      ...(next === undefined ? undefined : { nextPageToken: next }),
      searchUri,
    });
  },

  searchNearby(body: Body, mask: string | undefined): unknown {
    const tree = parseMask(mask, 'search');
    if (body.locationRestriction === undefined || body.locationRestriction === null) {
      throw new ApiError('INVALID_ARGUMENT', 'Missing location_restriction.');
    }
    const types = Array.isArray(body.includedTypes) ? body.includedTypes : [];
    const found = find(types.includes('zoo') ? 'nothing' : '').slice(0, sizeOf(body.maxResultCount));
    return applyMask(tree, found.length === 0 ? {} : { places: found });
  },

  getPlace(body: Body, mask: string | undefined): unknown {
    const tree = parseMask(mask, 'place');
    const id = string(body.name).replace(/^places\//, '');
    const place = PLACES.find((one) => one.id === id);
    if (place === undefined) {
      if (!id.startsWith('ChIJ')) throw new ApiError('INVALID_ARGUMENT', `Not a valid Place ID: ${id}`);
      throw new ApiError('NOT_FOUND', 'The Place ID is no longer valid. Please refresh cached Place IDs.');
    }
    return applyMask(tree, place);
  },

  autocompletePlaces(body: Body): unknown {
    const input = string(body.input);
    if (input === '') throw new ApiError('INVALID_ARGUMENT', 'Empty input.');
    const suggestions = find(input)
      .slice(0, 5)
      .map((place) => ({
        placePrediction: {
          place: place.name,
          placeId: place.id,
          text: { text: place.formattedAddress, matches: [{ endOffset: input.length }] },
          structuredFormat: { mainText: { text: (place.displayName as { text: string }).text } },
          types: place.types,
        },
      }));
    return suggestions.length === 0 ? {} : { suggestions };
  },

  getPhotoMedia(body: Body): { name: string; photoUri: string } {
    const name = string(body.name);
    if (!body.maxWidthPx && !body.maxHeightPx) {
      throw new ApiError('INVALID_ARGUMENT', 'At least one of max_width_px and max_height_px must be set.');
    }
    const photo = name.replace(/\/media$/, '');
    if (!PLACES.some((place) => photo.startsWith(`${String(place.name)}/photos/`))) {
      throw new ApiError('INVALID_ARGUMENT', 'The photo resource in the request is invalid.');
    }
    return { name, photoUri: `/p/${encodeURIComponent(photo)}` };
  },
} as const;

/** `/v1/places…`. Throws {@link ApiError}. */
export function answerModern(request: PlacesStandInRequest, origin: string): Answer {
  const { method, path, query } = request;
  const mask = first(request.headers['x-goog-fieldmask']) ?? query.get('$fields') ?? query.get('fields') ?? undefined;
  const body = (typeof request.body === 'object' && request.body !== null ? request.body : {}) as Body;
  const media = /^\/v1\/(places\/[^/]+\/photos\/[^/]+\/media)$/.exec(path);
  if (method === 'GET' && media !== null) {
    const size = { maxWidthPx: query.get('maxWidthPx'), maxHeightPx: query.get('maxHeightPx') };
    const { name, photoUri } = METHODS.getPhotoMedia({ name: decodeURIComponent(media[1] ?? ''), ...size });
    const uri = `${origin}${photoUri}`;
    return query.get('skipHttpRedirect') === 'true'
      ? { status: 200, json: { name, photoUri: uri } }
      : { status: 302, location: uri };
  }
  const details = /^\/v1\/(places\/[^/:]+)$/.exec(path);
  if (method === 'GET' && details !== null) {
    return { status: 200, json: METHODS.getPlace({ name: decodeURIComponent(details[1] ?? '') }, mask) };
  }
  const called = /^\/v1\/places:(\w+)$/.exec(path)?.[1];
  if (method === 'POST' && called === 'searchText') return { status: 200, json: METHODS.searchText(body, mask) };
  if (method === 'POST' && called === 'searchNearby') return { status: 200, json: METHODS.searchNearby(body, mask) };
  if (method === 'POST' && called === 'autocomplete') return { status: 200, json: METHODS.autocompletePlaces(body) };
  return { status: 404, html: `<title>Error 404 (Not Found)!!1</title>` };
}

function sizeOf(value: unknown): number {
  const size = Number(value ?? 0);
  if (!Number.isInteger(size) || size < 0) throw new ApiError('INVALID_ARGUMENT', 'The page size is not valid.');
  return size === 0 ? PAGE_SIZE : Math.min(size, PAGE_SIZE);
}

const string = (value: unknown): string => (typeof value === 'string' ? value : '');
const first = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);
