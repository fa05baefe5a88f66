import * as http from 'node:http';
import { createRequire } from 'node:module';
import { context } from '@opentelemetry/api';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  createGooglePlacesStandIn,
  type GooglePlacesStandIn,
} from '../../../examples/src/stand-ins/google-places/index.ts';
import { RecorderDouble } from '../openai/testing/recorder.ts';
import { setRecorder } from '../recorder/index.ts';
import { useContextManager } from '../testing/otel.ts';
import { wrapInitialize } from './client.ts';
import type { Callback, CallOptions } from './internal-types.ts';
import { hostsFromEnvironment } from './observe.ts';
import { googlePlacesPatch } from './patching.ts';

test.each([
  [undefined, []],
  ['', []],
  ['gateway.corp:8443=google_places', ['gateway.corp:8443']],
  [' a=openai , B.corp = Google_Places ,c', ['b.corp']],
  ['=google_places', []],
])('CLIENT_COST_PROVIDER_HOSTS=%s: %o', (value, hosts) => {
  expect(hostsFromEnvironment(value)).toEqual(hosts);
});

describe('a client', () => {
  const recorder = new RecorderDouble();
  let forget: () => void;
  beforeAll(() => {
    forget = useContextManager();
  });
  afterAll(() => forget());
  beforeEach(() => setRecorder(recorder));
  afterEach(() => {
    setRecorder(undefined);
    recorder.clear();
  });

  /** A client of gapic's shape, whose inner call is given. */
  function clientWith(inner: (request: unknown, options?: CallOptions, callback?: Callback) => unknown) {
    class Client {
      innerApiCalls: Record<string, typeof inner> = {};
      initialize(): void {
        this.innerApiCalls.searchText ??= inner;
      }
      searchText(request: unknown, options?: CallOptions, callback?: Callback): unknown {
        this.initialize();
        return this.innerApiCalls.searchText?.(request, options, callback);
      }
    }
    const prototype = Client.prototype as unknown as { initialize: () => void };
    const original = prototype.initialize;
    prototype.initialize = wrapInitialize(original);
    return { client: new Client(), restore: () => Object.assign(prototype, { initialize: original }) };
  }

  test('gives back the very promise of the inner call', async () => {
    const promise = Promise.resolve([{}, null, null]);
    const { client } = clientWith(() => promise);
    expect(client.searchText({})).toBe(promise);
    await promise;
    expect(recorder.last.end).toMatchObject({ outcome: 'ok', sku: 'text_search_unknown' });
  });

  test('a throw of the inner call is the caller’s', () => {
    const error = new Error('closed');
    const { client } = clientWith(() => {
      throw error;
    });
    expect(() => client.searchText({})).toThrow(error);
    expect(recorder.last.end).toMatchObject({ outcome: 'error', errorType: 'Error' });
  });

  test('several headers of one name are one mask', async () => {
    const { client } = clientWith(async () => [{}]);
    const headers = { 'x-GOOG-fieldmask': ['places.id', 'places.rating'] };
    await client.searchText({}, { otherArgs: { headers } });
    expect(recorder.last.end.sku).toBe('text_search_enterprise');
  });

  test('a callback runs in the context of its caller, not in that of the call', () => {
    const { client } = clientWith((_request, _options, callback) => callback?.(null, {}));
    const outside = context.active().setValue(Symbol.for('x'), 1);
    let seen: unknown;
    context.with(outside, () =>
      client.searchText({}, {}, () => {
        seen = context.active();
      }),
    );
    expect(seen).toBe(outside);
    expect(recorder.calls).toHaveLength(1);
  });

  test('a recorder that throws is no matter of the caller', async () => {
    setRecorder({
      start() {
        throw new Error('broken');
      },
    });
    const { client } = clientWith(async () => ['answer']);
    await expect(client.searchText({})).resolves.toEqual(['answer']);
  });

  test('is silent after disable, though its own functions stay', async () => {
    const { client } = clientWith(async () => [{}]);
    await client.searchText({});
    googlePlacesPatch.restore?.();
    await client.searchText({});
    expect(recorder.calls).toHaveLength(1);
  });

  test('exports of an unknown shape have nothing to patch', () => {
    expect(googlePlacesPatch.targets({ PlacesClient: class {} }, '@googlemaps/places', undefined)).toEqual([]);
    expect(googlePlacesPatch.targets(undefined, '@googlemaps/places', undefined)).toEqual([]);
  });
});

// With the built package: what is loaded at first use is loaded from there. Needs `npm run build` (npm test does it).
describe('over HTTP', () => {
  const dist = createRequire(new URL('../../dist/index.js', import.meta.url));
  const recorder = new RecorderDouble();
  let standIn: GooglePlacesStandIn;
  beforeAll(async () => {
    standIn = await createGooglePlacesStandIn();
    dist('./recorder/index.js').setRecorder(recorder);
  });
  afterAll(async () => {
    dist('./recorder/index.js').setRecorder(undefined);
    await standIn.close();
  });
  afterEach(() => recorder.clear());

  test('the instrumentation begins and ends with enable and disable', async () => {
    const { GooglePlacesInstrumentation } = dist('./google-places/index.js');
    const url = `${standIn.url}/v1/places/ChIJstandIn0001?fields=id&key=k`;
    const get = async () => (await fetch(url)).text();
    const instrumentation = new GooglePlacesInstrumentation({ hosts: [`127.0.0.1:${standIn.port}`] });
    await get();
    expect(recorder.calls).toHaveLength(1);
    expect(recorder.last.start.attributes).toEqual({
      'http.request.method': 'GET',
      'server.address': '127.0.0.1',
      'server.port': standIn.port,
    });
    instrumentation.disable();
    await get();
    expect(recorder.calls).toHaveLength(1);
    instrumentation.enable();
    await get();
    expect(recorder.calls).toHaveLength(2);
    const forget = useContextManager();
    await context.with(dist('./attribution/billable.js').billableContext(context.active()), get);
    forget();
    expect(recorder.calls, 'inside a call that is recorded').toHaveLength(2);
    instrumentation.disable();
  });

  test("Google's own hosts need no setting", async () => {
    const { GooglePlacesInstrumentation } = dist('./google-places/index.js');
    const instrumentation = new GooglePlacesInstrumentation();
    const get = (host: string, path: string) =>
      new Promise<void>((resolve, reject) => {
        const options = { host: '127.0.0.1', port: standIn.port, path, headers: { host } };
        http.get(options, (response) => response.resume().on('end', resolve)).on('error', reject);
      });
    await get('maps.googleapis.com', '/maps/api/place/textsearch/json?query=x&key=k');
    expect(recorder.last).toMatchObject({
      start: { operation: 'text_search', attributes: { 'server.address': 'maps.googleapis.com' } },
      end: { outcome: 'ok', sku: 'legacy_text_search' },
    });
    await get('places.googleapis.com', '/v1/places/ChIJstandIn0001?fields=id&key=k');
    await get('maps.googleapis.com', '/maps/api/geocode/json?address=x&key=k');
    await get('places.example.com', '/v1/places/ChIJstandIn0001?fields=id&key=k');
    expect(recorder.calls).toHaveLength(2);
    instrumentation.disable();
  });
});
