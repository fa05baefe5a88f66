import { JPEG, legacyPlace, PLACES } from './data.ts';
import { find, PAGE_SIZE, page, readPageToken } from './search.ts';
import type { Answer, PlacesStandInRequest } from './types.ts';

/** Statuses that come without results, with what Google says beside them. */
const MESSAGES: Readonly<Record<string, string>> = {
  INVALID_REQUEST: 'Missing the parameter that this request needs.',
  OVER_DAILY_LIMIT: 'You have exceeded your daily request quota for this API.',
  OVER_QUERY_LIMIT: 'You have exceeded your rate-limit for this API.',
  REQUEST_DENIED: 'The provided API key is invalid. ',
  UNKNOWN_ERROR: 'The request could not be processed due to a server error.',
};

/** `/maps/api/place/<method>/json|xml` and `/maps/api/place/photo`: always HTTP 200, the status is in the body. */
export function answerLegacy(request: PlacesStandInRequest, keyProblem: 'missing' | 'wrong' | undefined): Answer {
  const { query } = request;
  const match = /^\/maps\/api\/place\/([a-z]+)(?:\/(json|xml))?$/.exec(request.path);
  if (match?.[1] === 'photo') return photo(request, keyProblem);
  const method = match?.[1];
  const format = match?.[2];
  if (request.method !== 'GET' || format === undefined) return { status: 404, html: 'Not Found' };
  const xml = format === 'xml';
  if (keyProblem !== undefined) {
    const message =
      keyProblem === 'missing'
        ? 'You must use an API key to authenticate each request to Google Maps Platform APIs. For additional information, please refer to http://g.co/dev/maps-no-account'
        : 'The provided API key is invalid. ';
    return withStatus('REQUEST_DENIED', method, xml, message);
  }
  const forced = query.get('stand_in_status');
  if (forced !== null) return withStatus(forced, method, xml);
  switch (method) {
    case 'details': {
      const id = query.get('place_id');
      if (!id) return withStatus('INVALID_REQUEST', method, xml);
      const place = PLACES.find((one) => one.id === id);
      if (place === undefined) return withStatus('NOT_FOUND', method, xml);
      const result = choose(legacyPlace(place), query.getAll('fields').join(','));
      return ok({ html_attributions: [], result, status: 'OK' }, xml);
    }
    case 'findplacefromtext': {
      const input = query.get('input');
      if (!input || !query.get('inputtype')) return withStatus('INVALID_REQUEST', method, xml);
      const fields = query.getAll('fields').join(',') || 'place_id';
      const candidates = find(input)
        .slice(0, 1)
        .map((place) => choose(legacyPlace(place), fields));
      return ok({ candidates, status: candidates.length === 0 ? 'ZERO_RESULTS' : 'OK' }, xml);
    }
    case 'nearbysearch':
      return query.has('location') || query.has('pagetoken')
        ? search(query, query.get('keyword') ?? '', xml)
        : withStatus('INVALID_REQUEST', method, xml);
    case 'textsearch':
      return query.has('query') || query.has('pagetoken')
        ? search(query, query.get('query') ?? '', xml)
        : withStatus('INVALID_REQUEST', method, xml);
    case 'autocomplete':
    case 'queryautocomplete': {
      const input = query.get('input');
      if (!input) return withStatus('INVALID_REQUEST', method, xml);
      const predictions = find(input)
        .slice(0, 5)
        .map((place) => ({
          description: place.formattedAddress,
          matched_substrings: [{ length: input.length, offset: 0 }],
          place_id: place.id,
          reference: place.id,
          structured_formatting: { main_text: (place.displayName as { text: string }).text },
          terms: [{ offset: 0, value: 'Sydney' }],
          types: place.types,
        }));
      return ok({ predictions, status: predictions.length === 0 ? 'ZERO_RESULTS' : 'OK' }, xml);
    }
    default:
      return { status: 404, html: 'Not Found' };
  }
}

function search(query: URLSearchParams, words: string, xml: boolean): Answer {
  const token = query.get('pagetoken');
  const from = token === null ? { query: words, start: 0 } : readPageToken(token);
  if (from === undefined) return withStatus('INVALID_REQUEST', 'search', xml);
  const { places, next } = page(from.query, from.start, PAGE_SIZE);
  const results = places.map(legacyPlace).map(({ reviews: _reviews, website: _website, ...rest }) => rest);
  return ok(
    {
      html_attributions: [],
      ...(next === undefined ? undefined : { next_page_token: next }),
      results,
      status: results.length === 0 ? 'ZERO_RESULTS' : 'OK',
    },
    xml,
  );
}

/** `fields` of the legacy API; none means all. */
function choose(place: Record<string, unknown>, fields: string): Record<string, unknown> {
  const names = fields
    .split(',')
    .map((name) => name.trim().split('/')[0] ?? '')
    .filter((name) => name !== '');
  if (names.length === 0) return place;
  return Object.fromEntries(Object.entries(place).filter(([name]) => names.includes(name)));
}

function withStatus(status: string, method: string | undefined, xml: boolean, message = MESSAGES[status]): Answer {
  const list =
    method === 'findplacefromtext' ? 'candidates' : method?.endsWith('autocomplete') ? 'predictions' : 'results';
  const body = {
    ...(method === 'details' ? { html_attributions: [] } : { [list]: [] }),
    ...(message === undefined ? undefined : { error_message: message }),
    status,
  };
  return ok(body, xml);
}

function ok(body: Record<string, unknown>, xml: boolean): Answer {
  if (!xml) return { status: 200, json: body };
  return {
    status: 200,
    xml: `<?xml version="1.0" encoding="UTF-8"?>\n<PlaceResponse>\n <status>${String(body.status)}</status>\n</PlaceResponse>\n`,
  };
}

function photo({ query }: PlacesStandInRequest, keyProblem: string | undefined): Answer {
  if (keyProblem !== undefined) return { status: 403, html: 'Forbidden' };
  const reference = query.get('photo_reference') ?? query.get('photoreference');
  if (!reference || (!query.has('maxwidth') && !query.has('maxheight'))) return { status: 400, html: 'Bad Request' };
  return { status: 302, location: `/p/${encodeURIComponent(reference)}` };
}

/** What the redirects of both APIs lead to (at Google: a host of its own). */
export function image(): Answer {
  return { status: 200, bytes: JPEG, type: 'image/jpeg' };
}
