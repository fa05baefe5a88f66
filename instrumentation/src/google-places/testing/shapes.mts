import * as http from 'node:http';
import { createRequire } from 'node:module';

/*
 * What applications do with the Places API, each as one function whose result is JSON: run with and without the
 * instrumentation, the results must be the same. Beside each: what is recorded, as `operation sku amount source outcome`.
 */

// biome-ignore lint/suspicious/noExplicitAny: whatever the packages export.
type Any = any;

export interface Env {
  /** Base URL of the stand-in. */
  readonly url: string;
  readonly grpcPort: number;
  /** `@googlemaps/places`, as it was imported. */
  readonly places: Any;
  /** `@googlemaps/google-maps-services-js` */
  readonly services: Any;
  readonly axios: Any;
}

export interface Shape {
  run(env: Env): Promise<unknown>;
  readonly recorded: readonly string[];
}

const KEY = { 'X-Goog-Api-Key': 'key' };
const masked = (mask: string) => ({ ...KEY, 'X-Goog-FieldMask': mask });
const withMask = (mask: string) => ({ otherArgs: { headers: { 'X-Goog-FieldMask': mask } } });
const post = (body: unknown, headers: Record<string, string>) => ({
  method: 'POST',
  body: JSON.stringify(body),
  headers,
});
const legacy = (env: Env, path: string) => `${env.url}/maps/api/place/${path}`;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const ID = 'ChIJstandIn0001';

async function said(response: Response): Promise<unknown> {
  const { status, ok, redirected, type, bodyUsed } = response;
  const text = await response.text();
  return { status, ok, redirected, type, bodyUsed, contentType: response.headers.get('content-type'), text };
}

/** An error as an application sees it: class, message, code, own names. */
function failure(error: Any): unknown {
  const names = Object.keys(error ?? {}).sort();
  const { name, message, code, reason, domain, statusDetails } = error ?? {};
  return { class: error?.constructor?.name, name, message, code, reason, domain, statusDetails, names };
}

async function settled(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value: Any) => ({ value: value?.status !== undefined && value?.headers !== undefined ? axiosSaid(value) : value }),
    (error: Any) => ({ error: failure(error), answer: error?.response && axiosSaid(error.response) }),
  );
}

function axiosSaid(response: Any): unknown {
  const { status, data, headers } = response;
  const shown = Buffer.isBuffer(data) ? data.toString('base64') : data;
  const proto = Object.getPrototypeOf(headers)?.constructor?.name;
  return { status, data: shown, keys: Object.keys(response), proto, type: headers['content-type'] };
}

function grpcClient({ places, grpcPort }: Env): Any {
  const load = createRequire(createRequire(import.meta.url).resolve('@googlemaps/places'));
  const { grpc } = load('google-gax');
  return new places.PlacesClient({
    apiEndpoint: '127.0.0.1',
    port: grpcPort,
    sslCreds: grpc.credentials.createInsecure(),
  });
}

function restClient({ places, url }: Env): Any {
  const { hostname, port } = new URL(url);
  return new places.PlacesClient({
    fallback: true,
    apiEndpoint: hostname,
    port: Number(port),
    protocol: 'http',
    apiKey: 'key',
  });
}

/** Runs with a client of @googlemaps/places, and closes it. */
async function using<T>(client: Any, run: (client: Any) => Promise<T>): Promise<T> {
  try {
    return await run(client);
  } finally {
    await client.close();
  }
}

/** What reaches `unhandledRejection` while something runs that nobody catches. */
async function unhandled(run: () => unknown): Promise<unknown> {
  const seen: unknown[] = [];
  const listen = (error: unknown) => void seen.push(failure(error));
  process.on('unhandledRejection', listen);
  run();
  await pause(150);
  process.off('unhandledRejection', listen);
  return seen;
}

const callback = (call: (done: (...args: Any[]) => void) => Any): Promise<unknown> =>
  new Promise((resolve) => {
    const returned = call((error: Any, ...rest: Any[]) =>
      resolve({ error: error && failure(error), rest, returned: typeof returned }),
    );
  });

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
    run: async ({ url }) => said(await fetch(`${url}/v1/places:autocomplete`, post({ input: 'caf' }, KEY))),
    recorded: ['autocomplete autocomplete_request 0.00283 price_book ok'],
  },
  'fetch: autocomplete in a session': {
    run: async ({ url }) =>
      said(await fetch(`${url}/v1/places:autocomplete`, post({ input: 'caf', sessionToken: 's-1' }, KEY))),
    recorded: ['autocomplete autocomplete_session_request 0.00283 estimated ok'],
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
      for await (const chunk of response.body as Any) length += chunk.length;
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
    run: (env) => unhandled(() => service('placeDetails', 'details/json', {})({ ...env })),
    recorded: ['place_details legacy_place_details_contact_atmosphere 0 price_book error INVALID_REQUEST'],
  },
};

function clientShapes(kind: string, make: (env: Env) => Any): Record<string, Shape> {
  const status = (grpc: string) => grpc;
  return {
    [`${kind}: searchText`]: {
      run: (env) =>
        using(make(env), (c) => settled(c.searchText({ textQuery: 'x' }, withMask('places.id,places.rating')))),
      recorded: ['text_search text_search_enterprise 0.035 price_book ok'],
    },
    [`${kind}: searchNearby`]: {
      run: (env) =>
        using(make(env), (c) =>
          settled(
            c.searchNearby(
              {
                locationRestriction: { circle: { center: { latitude: 1, longitude: 2 }, radius: 5 } },
                maxResultCount: 1,
              },
              withMask('places.takeout'),
            ),
          ),
        ),
      recorded: ['nearby_search nearby_search_enterprise_atmosphere 0.04 price_book ok'],
    },
    [`${kind}: getPlace`]: {
      run: (env) =>
        using(make(env), (c) => settled(c.getPlace({ name: `places/${ID}` }, withMask('id,formattedAddress')))),
      recorded: ['place_details place_details_essentials 0.005 price_book ok'],
    },
    [`${kind}: getPlace with a header in small letters`]: {
      run: (env) =>
        using(make(env), (c) =>
          settled(c.getPlace({ name: `places/${ID}` }, { otherArgs: { headers: { 'x-goog-fieldmask': 'reviews' } } })),
        ),
      recorded: ['place_details place_details_enterprise_atmosphere 0.025 price_book ok'],
    },
    [`${kind}: autocompletePlaces`]: {
      run: (env) =>
        using(make(env), async (c) => [
          await settled(c.autocompletePlaces({ input: 'x' })),
          await settled(c.autocompletePlaces({ input: 'x', sessionToken: 's-2' })),
        ]),
      recorded: [
        'autocomplete autocomplete_request 0.00283 price_book ok',
        'autocomplete autocomplete_session_request 0.00283 estimated ok',
      ],
    },
    [`${kind}: getPhotoMedia`]: {
      run: (env) =>
        using(make(env), (c) =>
          settled(
            c.getPhotoMedia({ name: `places/${ID}/photos/photo-1/media`, maxHeightPx: 5, skipHttpRedirect: true }),
          ),
        ),
      recorded: ['photo place_details_photos 0.007 price_book ok'],
    },
    [`${kind}: callback`]: {
      run: (env) =>
        using(make(env), async (c) => [
          await callback((done) => c.getPlace({ name: `places/${ID}` }, withMask('id'), done)),
          await callback((done) => c.autocompletePlaces({ input: 'x' }, done)),
        ]),
      recorded: [
        'place_details place_details_essentials_ids_only 0 price_book ok',
        'autocomplete autocomplete_request 0.00283 price_book ok',
      ],
    },
    [`${kind}: error`]: {
      run: (env) => using(make(env), (c) => settled(c.getPlace({ name: `places/${ID}` }))),
      recorded: [`place_details place_details_unknown 0 price_book error ${status('INVALID_ARGUMENT')}`],
    },
    [`${kind}: error in a callback`]: {
      run: (env) =>
        using(make(env), (c) => callback((done) => c.getPlace({ name: 'places/ChIJnone' }, withMask('id'), done))),
      recorded: ['place_details place_details_essentials_ids_only 0 price_book error NOT_FOUND'],
    },
    [`${kind}: nobody catches`]: {
      run: (env) => using(make(env), (c) => unhandled(() => c.getPlace({ name: `places/${ID}` }))),
      recorded: ['place_details place_details_unknown 0 price_book error INVALID_ARGUMENT'],
    },
    [`${kind}: the promise and the client`]: {
      run: (env) =>
        using(make(env), async (c) => {
          const promise = c.getPlace({ name: `places/${ID}` }, withMask('id'));
          const shape = [promise.constructor.name, promise instanceof Promise, Object.keys(promise)];
          const [, , raw] = await promise;
          return [shape, raw, Object.keys(c), Object.keys(c.innerApiCalls), c.getPlace.name, c.initialize.name];
        }),
      recorded: ['place_details place_details_essentials_ids_only 0 price_book ok'],
    },
  };
}

const GRPC: Record<string, Shape> = {
  ...clientShapes('gRPC', grpcClient),
  'gRPC: retried by gax': {
    run: (env) =>
      using(grpcClient(env), (c) => {
        const backoff = { initialRetryDelayMillis: 1, retryDelayMultiplier: 1, maxRetryDelayMillis: 5 };
        const timeouts = { initialRpcTimeoutMillis: 5_000, rpcTimeoutMultiplier: 1, maxRpcTimeoutMillis: 5_000 };
        const retry = { retryCodes: [14], backoffSettings: { ...backoff, ...timeouts, totalTimeoutMillis: 9_000 } };
        return settled(c.searchText({ textQuery: 'unavailable twice' }, { ...withMask('places.id'), retry }));
      }),
    recorded: ['text_search text_search_essentials_ids_only 0 price_book ok'],
  },
  'gRPC: unavailable': {
    run: (env) =>
      using(grpcClient(env), (c) => settled(c.searchText({ textQuery: 'unavailable' }, withMask('places.id')))),
    recorded: ['text_search text_search_essentials_ids_only - unpriced error UNAVAILABLE'],
  },
};

export const SHAPES: Record<string, Shape> = {
  ...HTTP,
  ...SERVICES,
  ...GRPC,
  ...clientShapes('REST', restClient),
};
