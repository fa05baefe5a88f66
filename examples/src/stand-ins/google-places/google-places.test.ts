import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createGooglePlacesStandIn, type GooglePlacesStandIn } from './index.ts';

let standIn: GooglePlacesStandIn;
beforeAll(async () => {
  standIn = await createGooglePlacesStandIn({
    failures: ({ path }) => (path.endsWith('ChIJbroken') ? 503 : undefined),
  });
});
afterAll(() => standIn.close());

// biome-ignore lint/suspicious/noExplicitAny: answers as they come
type Json = any;

async function legacy(path: string): Promise<Json> {
  const response = await fetch(`${standIn.url}/maps/api/place/${path}`);
  expect(response.status).toBe(200);
  return response.json();
}

async function modern(
  path: string,
  init: { body?: unknown; mask?: string; key?: string | null } = {},
): Promise<{ status: number; json: Json }> {
  const { body, mask, key = 'k' } = init;
  const headers = {
    ...(mask === undefined ? undefined : { 'X-Goog-FieldMask': mask }),
    ...(key === null ? undefined : { 'X-Goog-Api-Key': key }),
  };
  const response = await fetch(`${standIn.url}/v1/${path}`, {
    headers,
    ...(body === undefined ? undefined : { method: 'POST', body: JSON.stringify(body) }),
  });
  return { status: response.status, json: await response.json() };
}

describe('legacy', () => {
  test.each([
    ['details/json?place_id=ChIJstandIn0001&key=k', 'OK'],
    ['details/json?place_id=ChIJnone&key=k', 'NOT_FOUND'],
    ['details/json?key=k', 'INVALID_REQUEST'],
    ['details/json?place_id=ChIJstandIn0001', 'REQUEST_DENIED'],
    ['details/json?place_id=ChIJstandIn0001&key=wrong', 'REQUEST_DENIED'],
    ['textsearch/json?query=nothing&key=k', 'ZERO_RESULTS'],
    ['textsearch/json?pagetoken=none&key=k', 'INVALID_REQUEST'],
    ['nearbysearch/json?location=1,2&radius=3&key=k&stand_in_status=OVER_QUERY_LIMIT', 'OVER_QUERY_LIMIT'],
    ['findplacefromtext/json?input=x&key=k', 'INVALID_REQUEST'],
    ['autocomplete/json?input=x&key=k', 'OK'],
  ])('%s: %s', async (path, status) => {
    const answer = await legacy(path);
    expect(answer.status).toBe(status);
    if (status === 'REQUEST_DENIED') expect(answer.error_message).toContain('API');
  });

  test('only the fields asked for', async () => {
    const { result } = await legacy('details/json?place_id=ChIJstandIn0001&fields=name,geometry/location&key=k');
    expect(Object.keys(result).sort()).toEqual(['geometry', 'name']);
    const { candidates } = await legacy('findplacefromtext/json?input=x&inputtype=textquery&key=k');
    expect(candidates).toEqual([{ place_id: 'ChIJstandIn0000' }]);
  });

  test('three pages', async () => {
    const sizes: number[] = [];
    let token = '';
    do {
      const page = await legacy(`textsearch/json?query=x&key=k${token}`);
      sizes.push(page.results.length);
      token = page.next_page_token === undefined ? '' : `&pagetoken=${page.next_page_token}`;
    } while (token !== '');
    expect(sizes).toEqual([20, 20, 5]);
  });

  test('photos are somewhere else', async () => {
    const url = `${standIn.url}/maps/api/place/photo?photo_reference=r&key=k`;
    expect((await fetch(url)).status).toBe(400);
    const response = await fetch(`${url}&maxwidth=4`);
    expect([response.redirected, response.headers.get('content-type')]).toEqual([true, 'image/jpeg']);
  });
});

describe('new', () => {
  test('a mask takes parts of places', async () => {
    const body = { textQuery: 'x', pageSize: 1 };
    const { json } = await modern('places:searchText', { body, mask: 'places.displayName.text,places.id' });
    expect(json).toEqual({ places: [{ id: 'ChIJstandIn0000', displayName: { text: 'Café 1' } }] });
    const all = await modern('places:searchText', { body, mask: '*' });
    expect(all.json.nextPageToken).toBeTypeOf('string');
    expect(all.json.places[0].reviews).toHaveLength(1);
  });

  test.each([
    [{ mask: undefined }, 400, 'INVALID_ARGUMENT', 'FieldMask is a required parameter'],
    [{ mask: 'aura' }, 400, 'INVALID_ARGUMENT', 'invalid argument'],
    [{ mask: 'id, rating' }, 400, 'INVALID_ARGUMENT', 'invalid argument'],
    [{ mask: 'id', key: null }, 403, 'PERMISSION_DENIED', 'unregistered callers'],
    [{ mask: 'id', key: 'wrong' }, 400, 'INVALID_ARGUMENT', 'API key not valid'],
  ])('%o: %s', async (init, code, status, message) => {
    const answer = await modern('places/ChIJstandIn0001', init as { mask?: string });
    expect(answer.status).toBe(code);
    expect(answer.json.error).toMatchObject({ code, status, message: expect.stringContaining(message) });
  });

  test('a place that is no more, one that never was, and a failure', async () => {
    expect((await modern('places/ChIJnone', { mask: 'id' })).json.error.status).toBe('NOT_FOUND');
    expect((await modern('places/none', { mask: 'id' })).json.error.status).toBe('INVALID_ARGUMENT');
    expect((await modern('places/ChIJbroken', { mask: 'id' })).json.error.status).toBe('UNAVAILABLE');
  });

  test('photos as a redirect or a link', async () => {
    const path = 'places/ChIJstandIn0001/photos/p/media?maxWidthPx=4';
    const { json } = await modern(`${path}&skipHttpRedirect=true`);
    expect((await fetch(json.photoUri)).headers.get('content-type')).toBe('image/jpeg');
    const redirect = await fetch(`${standIn.url}/v1/${path}&key=k`, { redirect: 'manual' });
    expect([redirect.status, redirect.headers.get('location')]).toEqual([302, json.photoUri]);
  });
});
