import { createRequire } from 'node:module';
import { type Any, type Env, failure, ID, type Shape, settled, unhandled, withMask } from './common.mts';

/** What applications do with PlacesClient, over gRPC and REST. */

function grpcClient({ places, placesFile, grpcPort }: Env): Any {
  const { grpc } = createRequire(placesFile)('google-gax');
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

const callback = (call: (done: (...args: Any[]) => void) => Any): Promise<unknown> =>
  new Promise((resolve) => {
    const returned = call((error: Any, ...rest: Any[]) =>
      resolve({ error: error && failure(error), rest, returned: typeof returned }),
    );
  });

function clientShapes(kind: string, make: (env: Env) => Any): Record<string, Shape> {
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
    [`${kind}: an autocomplete session`]: {
      run: (env) =>
        using(make(env), async (c) => [
          await settled(c.autocompletePlaces({ input: 'x', sessionToken: `${kind} session` })),
          await settled(
            c.getPlace({ name: `places/${ID}`, sessionToken: `${kind} session` }, withMask('id,displayName')),
          ),
        ]),
      recorded: [
        'autocomplete autocomplete_session_request 0.00283 estimated ok',
        'autocomplete autocomplete_session_usage 0 price_book ok',
        'place_details place_details_pro 0.017 price_book ok',
      ],
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
      recorded: [`place_details place_details_unknown 0 price_book error INVALID_ARGUMENT`],
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

export const CLIENTS: Record<string, Shape> = {
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
  ...clientShapes('REST', restClient),
};
