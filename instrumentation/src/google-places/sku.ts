import { type LegacyData, legacyData, type MaskedMethod, tierOf } from './fields.ts';

/** `usage.service` */
export const SERVICE = 'google_places';

/** `usage.operation`; `unknown` for a method of the Places API that nobody has priced here. */
export type Operation =
  | 'place_details'
  | 'find_place'
  | 'nearby_search'
  | 'text_search'
  | 'autocomplete'
  | 'photo'
  | 'unknown';

/** One request to the Places API, as it is billed. */
export interface PlacesCall {
  readonly operation: Operation;
  /** As in prices/data/google-places.json; `…_unknown` where a field is in no price list. */
  readonly sku: string;
  /** Answers of the legacy API say `"status": "ZERO_RESULTS"` and the like in a body, with HTTP status 200. */
  readonly legacy: boolean;
  /** The call belongs to an autocomplete session, whose price depends on how it ends. */
  readonly estimated?: boolean | undefined;
  readonly unpricedReason?: string | undefined;
}

const LEGACY_PATH = /^\/maps\/api\/place\/([a-z]+)(?:\/(?:json|xml))?\/?$/;
const DETAILS_PATH = /^\/v1\/places\/[^/:]+\/?$/;
const MEDIA_PATH = /^\/v1\/places\/[^/]+\/photos\/[^/]+\/media\/?$/;
const METHOD_PATH = /^\/v1\/places:([A-Za-z]+)\/?$/;

/** What a request is, as far as its price depends on it. Only names are looked at, never what is searched for. */
export interface PlacesRequest {
  /** `/v1/places:searchText` */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The header `X-Goog-FieldMask`; `$fields` or `fields` of the query do as well. */
  readonly fieldMask?: string | undefined;
  /** A request of the new API's autocomplete names a session in its body. */
  readonly session?: boolean | undefined;
}

/** How a request is billed; undefined for one that is none of the Places API (the host serves other APIs too). */
export function classify(request: PlacesRequest): PlacesCall | undefined {
  const { path, query } = request;
  const legacy = LEGACY_PATH.exec(path);
  if (legacy) return classifyLegacy(legacy[1] ?? '', query);
  if (path.startsWith('/maps/api/place/')) return unknownMethod('legacy_unknown', true);
  if (!path.startsWith('/v1/places')) return undefined;
  const mask = request.fieldMask || query.get('$fields') || query.get('fields') || undefined;
  const session = request.session === true || Boolean(query.get('sessionToken') || query.get('session_token'));
  if (MEDIA_PATH.test(path)) return PHOTO;
  if (DETAILS_PATH.test(path)) return classifyMethod('getPlace', mask, session);
  return classifyMethod(METHOD_PATH.exec(path)?.[1] ?? '', mask, session);
}

const PHOTO: PlacesCall = { operation: 'photo', sku: 'place_details_photos', legacy: false };
const METHODS: Readonly<Record<string, MaskedMethod>> = {
  getPlace: 'place_details',
  searchText: 'text_search',
  searchNearby: 'nearby_search',
};

/** An application has few masks, each of them many times. */
const known = new Map<string, PlacesCall>();
const MAX_KNOWN = 500;
const MAX_MASK = 2_000;

/**
 * How a call of the new API is billed.
 * @param method of PlacesClient or of the path: `searchText`, `getPlace`, …
 * @param session whether it carries a session token
 */
export function classifyMethod(method: string, mask: string | undefined, session: boolean): PlacesCall {
  const key = `${method} ${session} ${mask ?? ''}`;
  let call = known.get(key);
  if (call === undefined) {
    call = Object.freeze(workOut(method, mask, session));
    if (known.size >= MAX_KNOWN) known.clear();
    if (key.length <= MAX_MASK) known.set(key, call);
  }
  return call;
}

function workOut(method: string, mask: string | undefined, session: boolean): PlacesCall {
  if (method === 'getPhotoMedia') return PHOTO;
  if (method === 'autocomplete' || method === 'autocompletePlaces') {
    const base = { operation: 'autocomplete', legacy: false } as const;
    return session
      ? { ...base, sku: 'autocomplete_session_request', estimated: true }
      : { ...base, sku: 'autocomplete_request' };
  }
  const operation = Object.hasOwn(METHODS, method) ? METHODS[method] : undefined;
  if (operation === undefined) return unknownMethod('unknown', false);
  const found = tierOf(operation, mask);
  if (found.tier !== undefined) return { operation, sku: `${operation}_${found.tier}`, legacy: false };
  const unpricedReason =
    found.unknown === undefined
      ? 'the request has no field mask'
      : `field ${short(found.unknown)} of the field mask is in no price list`;
  return { operation, sku: `${operation}_unknown`, legacy: false, unpricedReason };
}

function unknownMethod(sku: string, legacy: boolean): PlacesCall {
  const unpricedReason = 'the method is not a known one of the Places API';
  return { operation: 'unknown', sku, legacy, unpricedReason };
}

function classifyLegacy(method: string, query: URLSearchParams): PlacesCall {
  const legacy = true;
  switch (method) {
    case 'details':
      return withData('place_details', 'id_refresh', query, ALL);
    case 'findplacefromtext':
      return withData('find_place', 'id_only', query, undefined);
    // Searches cannot choose their fields: all data is always part of them.
    case 'nearbysearch':
      return { operation: 'nearby_search', sku: 'legacy_nearby_search', legacy };
    case 'textsearch':
      return { operation: 'text_search', sku: 'legacy_text_search', legacy };
    case 'autocomplete':
      return query.get('sessiontoken')
        ? { operation: 'autocomplete', sku: 'legacy_autocomplete_session', legacy, estimated: true }
        : { operation: 'autocomplete', sku: 'legacy_autocomplete_request', legacy };
    case 'queryautocomplete':
      return { operation: 'autocomplete', sku: 'legacy_query_autocomplete_request', legacy };
    case 'photo':
      return { operation: 'photo', sku: 'legacy_photo', legacy };
    default:
      return unknownMethod('legacy_unknown', legacy);
  }
}

const ALL: ReadonlySet<LegacyData> = new Set(['basic', 'contact', 'atmosphere']);

/**
 * The base SKU and the data SKUs that are billed on top of it, as one name: `legacy_place_details_contact_atmosphere`.
 * @param idOnly what a request for nothing but the place id is called: it is free
 * @param omitted what comes without `fields`: everything in details, the id in Find Place
 */
function withData(
  operation: 'place_details' | 'find_place',
  idOnly: string,
  query: URLSearchParams,
  omitted: ReadonlySet<LegacyData> | undefined,
): PlacesCall {
  const base = `legacy_${operation}`;
  const asked = legacyData(query.getAll('fields').join(','));
  if (asked.unknown !== undefined) {
    const unpricedReason = `field ${short(asked.unknown)} is in no price list`;
    return { operation, sku: `${base}_unknown`, legacy: true, unpricedReason };
  }
  const nothing = asked.names.size === 0;
  if (nothing ? omitted === undefined : asked.names.size === 1 && asked.names.has('place_id')) {
    return { operation, sku: `${base}_${idOnly}`, legacy: true };
  }
  const data = nothing && omitted !== undefined ? omitted : asked.data;
  const parts = (['contact', 'atmosphere'] as const).filter((name) => data.has(name));
  return { operation, sku: [base, ...parts].join('_'), legacy: true };
}

/** A field's name as it may be recorded: it is the caller's text, so only what can be a name. */
function short(name: string): string {
  return /^[\w.*/]{1,64}$/.test(name) ? name : '(no name)';
}
