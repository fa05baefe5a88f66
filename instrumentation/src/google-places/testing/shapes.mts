import * as http from 'node:http';
import { CLIENTS } from './clients.mts';
import { axiosSaid, ID, KEY, legacy, masked, post, type Shape, said, settled, unhandled } from './common.mts';

export type { Env } from './common.mts';

/*
 * What applications do with the Places API, each as one function whose result is JSON: run with and without the
 * instrumentation, the results must be the same. Beside each: what is recorded, as `operation sku amount source outcome`.
 */

const HTTP: Record<string, Shape> = {
  'fetch: text search': {
    run: async ({ url }) =>
      said(
        await fetch(`${url}/v1/places:searchText`, post({ textQuery: 'café' }, masked('places.id,places.displayName'))),
      ),
    recorded: ['text_search text_search_pro 0.032 price_book ok'],
  },
  'fetch: a Request with Headers': {
    run: async ({ url }) => {
      const headers = new Headers(masked('places.rating'));
      const init = post({ locationRestriction: {}, maxResultCount: 2 }, {});
      return said(await fetch(new Request(new URL(`${url}/v1/places:searchNearby`), { ...init, headers })));
    },
    recorded: ['nearby_search nearby_search_enterprise 0.035 price_book ok'],
  },
  'fetch: fields in the query': {
    run: async ({ url }) => said(await fetch(`${url}/v1/places/${ID}?fields=id,location&key=key`)),
    recorded: ['place_details place_details_essentials 0.005 price_book ok'],
  },
  'fetch: pages': {
    run: async ({ url }) => {
      const pages = [];
      let pageToken: string | undefined;
      do {
        const body = { textQuery: 'café', pageToken };
        const response = await fetch(`${url}/v1/places:searchText`, post(body, masked('places.id,nextPageToken')));
        const page = (await response.json()) as { places: unknown[]; nextPageToken?: string };
        pages.push(page.places.length);
        pageToken = page.nextPageToken;
      } while (pageToken !== undefined);
      return pages;
    },
    recorded: Array(3).fill('text_search text_search_essentials_ids_only 0 price_book ok'),
  },
  'fetch: no field mask': {
    run: async ({ url }) => said(await fetch(`${url}/v1/places:searchText`, post({ textQuery: 'x' }, KEY))),
    recorded: ['text_search text_search_unknown 0 price_book error 400'],
  },
  'fetch: wrong key': {
    run: async ({ url }) =>
      said(await fetch(`${url}/v1/places/${ID}`, { headers: { ...masked('id'), 'X-Goog-Api-Key': 'wrong' } })),
    recorded: ['place_details place_details_essentials_ids_only 0 price_book error 400'],
  },
  'fetch: autocomplete': {
    run: async ({ url }) => said(await fetch(`${url}/v1/places:autocomplete`, post({ input: 'ristorante' }, KEY))),
    recorded: ['autocomplete autocomplete_request 0.00283 price_book ok'],
  },
  'fetch: autocomplete in a session': {
    run: async ({ url }) =>
      said(await fetch(`${url}/v1/places:autocomplete`, post({ input: 'ristorante', sessionToken: 's-1' }, KEY))),
    recorded: ['autocomplete autocomplete_session_request 0.00283 estimated ok'],
  },
  'fetch: an autocomplete session': {
    run: async ({ url }) => [
      await said(await fetch(`${url}/v1/places:autocomplete`, post({ input: 'ristorante', sessionToken: 's-2' }, KEY))),
      await said(await fetch(`${url}/v1/places/${ID}?fields=location&key=key&sessionToken=s-2`)),
    ],
    recorded: [
      'autocomplete autocomplete_session_request 0.00283 estimated ok',
      'autocomplete autocomplete_request 0.00283 price_book ok',
      'place_details place_details_essentials 0.005 price_book ok',
    ],
  },
  'fetch: photo, redirect followed': {
    run: async ({ url }) => said(await fetch(`${url}/v1/places/${ID}/photos/photo-1/media?maxHeightPx=9&key=key`)),
    recorded: ['photo place_details_photos 0.007 price_book ok'],
  },
  'fetch: photo, redirect shown': {
    run: async (env) =>
      said(await fetch(legacy(env, 'photo?photo_reference=r&maxwidth=9&key=key'), { redirect: 'manual' })),
    recorded: ['photo legacy_photo 0.007 price_book ok'],
  },
  'fetch: legacy details': {
    run: async (env) => said(await fetch(legacy(env, `details/json?place_id=${ID}&fields=name,website&key=key`))),
    recorded: ['place_details legacy_place_details_contact 0.02 price_book ok'],
  },
  'fetch: legacy, nothing found': {
    run: async (env) => said(await fetch(legacy(env, 'textsearch/json?query=nothing&key=key'))),
    recorded: ['text_search legacy_text_search 0.04 price_book ok'],
  },
  'fetch: legacy, denied': {
    run: async (env) => said(await fetch(legacy(env, `details/json?place_id=${ID}&key=wrong`))),
    recorded: ['place_details legacy_place_details_contact_atmosphere 0 price_book error REQUEST_DENIED'],
  },
  'fetch: legacy XML': {
    run: async (env) =>
      said(await fetch(legacy(env, 'findplacefromtext/xml?input=x&inputtype=textquery&fields=name&key=key'))),
    recorded: ['find_place legacy_find_place 0.017 price_book ok'],
  },
  'fetch: unknown field': {
    run: async (env) => said(await fetch(legacy(env, `details/json?place_id=${ID}&fields=name,aura&key=key`))),
    recorded: ['place_details legacy_place_details_unknown - unpriced ok'],
  },
  'fetch: body by chunks, cloned': {
    run: async (env) => {
      const response = await fetch(legacy(env, 'nearbysearch/json?location=1,2&radius=3&key=key'));
      const copy = response.clone();
      let length = 0;
      for await (const chunk of response.body ?? []) length += chunk.length;
      return [length, (await copy.text()).length];
    },
    recorded: ['nearby_search legacy_nearby_search 0.04 price_book ok'],
  },
  'fetch: aborted before it begins': {
    run: ({ url }) => settled(fetch(`${url}/v1/places/${ID}?fields=id&key=key`, { signal: AbortSignal.abort() })),
    recorded: [],
  },
  'fetch: another API of the host': {
    run: async ({ url }) => said(await fetch(`${url}/maps/api/geocode/json?address=x&key=key`)),
    recorded: [],
  },
  'node:http': {
    run: ({ url }) =>
      new Promise((resolve, reject) => {
        const request = http.get(`${url}/v1/places/${ID}`, { headers: masked('displayName') }, (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk) => {
            text += chunk;
          });
          response.on('end', () => resolve({ status: response.statusCode, text, complete: response.complete }));
        });
        request.on('error', reject);
      }),
    recorded: ['place_details place_details_pro 0.017 price_book ok'],
  },
  axios: {
    run: ({ url, axios }) =>
      settled(axios.post(`${url}/v1/places:searchText`, { textQuery: 'x' }, { headers: masked('*') })),
    recorded: ['text_search text_search_enterprise_atmosphere 0.04 price_book ok'],
  },
  'axios: error': {
    run: ({ url, axios }) => settled(axios.get(`${url}/v1/places/none`, { headers: masked('id') })),
    recorded: ['place_details place_details_essentials_ids_only 0 price_book error 400'],
  },
};

function service(
  method: string,
  path: string,
  params: Record<string, unknown>,
  more: Record<string, unknown> = {},
): Shape['run'] {
  return (env) => {
    const client = new env.services.Client({});
    return settled(client[method]({ params: { key: 'key', ...params }, url: legacy(env, path), ...more }));
  };
}

const SERVICES: Record<string, Shape> = {
  'services-js: placeDetails': {
    run: service('placeDetails', 'details/json', { place_id: ID, fields: ['name', 'rating'] }),
    recorded: ['place_details legacy_place_details_atmosphere 0.022 price_book ok'],
  },
  'services-js: placeDetails without fields': {
    run: service('placeDetails', 'details/json', { place_id: ID }),
    recorded: ['place_details legacy_place_details_contact_atmosphere 0.025 price_book ok'],
  },
  'services-js: findPlaceFromText': {
    run: service('findPlaceFromText', 'findplacefromtext/json', {
      input: 'x',
      inputtype: 'textquery',
      fields: ['name'],
    }),
    recorded: ['find_place legacy_find_place 0.017 price_book ok'],
  },
  'services-js: placesNearby, two pages': {
    run: async (env) => {
      const client = new env.services.Client({});
      const url = legacy(env, 'nearbysearch/json');
      const first = await client.placesNearby({ params: { key: 'key', location: [1, 2], radius: 5 }, url });
      const params = { key: 'key', location: [1, 2], pagetoken: first.data.next_page_token };
      return [axiosSaid(first), axiosSaid(await client.placesNearby({ params, url }))];
    },
    recorded: Array(2).fill('nearby_search legacy_nearby_search 0.04 price_book ok'),
  },
  'services-js: textSearch': {
    run: service('textSearch', 'textsearch/json', { query: 'x' }),
    recorded: ['text_search legacy_text_search 0.04 price_book ok'],
  },
  'services-js: placeAutocomplete': {
    run: service('placeAutocomplete', 'autocomplete/json', { input: 'x' }),
    recorded: ['autocomplete legacy_autocomplete_request 0.00283 price_book ok'],
  },
  'services-js: an autocomplete session': {
    run: async (env) => [
      await service('placeAutocomplete', 'autocomplete/json', { input: 'x', sessiontoken: 's-1' })(env),
      await service('placeAutocomplete', 'autocomplete/json', { input: 'xy', sessiontoken: 's-1' })(env),
      await service('placeDetails', 'details/json', { place_id: ID, fields: ['name'], sessiontoken: 's-1' })(env),
    ],
    recorded: [
      'autocomplete legacy_autocomplete_session 0.017 estimated ok',
      'autocomplete legacy_autocomplete_session_request 0 estimated ok',
      ...Array(2).fill('autocomplete legacy_autocomplete_with_details 0 price_book ok'),
      'place_details legacy_place_details 0.017 price_book ok',
    ],
  },
  'services-js: placeQueryAutocomplete': {
    run: service('placeQueryAutocomplete', 'queryautocomplete/json', { input: 'x' }),
    recorded: ['autocomplete legacy_query_autocomplete_request 0.00283 price_book ok'],
  },
  'services-js: placePhoto': {
    run: service('placePhoto', 'photo', { photoreference: 'x', maxwidth: 5 }),
    recorded: ['photo legacy_photo 0.007 price_book ok'],
  },
  'services-js: placePhoto as a stream': {
    run: async (env) => {
      const client = new env.services.Client({});
      const params = { key: 'key', photoreference: 'x', maxwidth: 5 };
      const { status, data } = await client.placePhoto({ params, url: legacy(env, 'photo'), responseType: 'stream' });
      let length = 0;
      for await (const chunk of data) length += chunk.length;
      return [status, length];
    },
    recorded: ['photo legacy_photo 0.007 price_book ok'],
  },
  'services-js: denied': {
    run: service('placeDetails', 'details/json', { place_id: ID, key: 'wrong' }),
    recorded: ['place_details legacy_place_details_contact_atmosphere 0 price_book error REQUEST_DENIED'],
  },
  'services-js: not found': {
    run: service('placeDetails', 'details/json', { place_id: 'ChIJnone', fields: ['name'] }),
    recorded: ['place_details legacy_place_details - unpriced error NOT_FOUND'],
  },
  'services-js: retried': {
    run: async (env) => {
      const client = new env.services.Client({
        config: { raxConfig: { retry: 2, retryDelay: 1, statusCodesToRetry: [[500, 599]] } },
      });
      // The retries hang on the instance that is configured with them.
      client.axiosInstance.defaults.raxConfig = { retry: 2, retryDelay: 1, instance: client.axiosInstance };
      const params = { key: 'key', place_id: ID, fields: ['name'], stand_in_status: 'UNKNOWN_ERROR' };
      return settled(client.placeDetails({ params, url: legacy(env, 'details/json') }));
    },
    recorded: Array(3).fill('place_details legacy_place_details 0 price_book error UNKNOWN_ERROR'),
  },
  'services-js: nobody catches': {
    run: (env) =>
      unhandled(() =>
        new env.services.Client({}).placeDetails({ params: { key: 'key' }, url: legacy(env, 'details/json') }),
      ),
    recorded: ['place_details legacy_place_details_contact_atmosphere 0 price_book error INVALID_REQUEST'],
  },
};

export const SHAPES: Record<string, Shape> = { ...HTTP, ...SERVICES, ...CLIENTS };
