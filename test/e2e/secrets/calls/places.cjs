const { mark, phone } = require('../marks.cjs');

/** Google Places: the legacy client, the new API by fetch, by node:http and by @googlemaps/places. */
module.exports = async function places({ places: at, attempt }) {
  const { Client } = require('@googlemaps/google-maps-services-js');
  const http = require('node:http');
  const client = new Client({});
  const key = () => `AIza${mark('google key')}`;
  const legacy = (path) => `${at.places}/maps/api/place/${path}/json`;
  const near = { lat: 51.0447331, lng: -114.0718831 };
  const search = (name) => ({
    textQuery: `dentist near ${mark(`${name} query`)} or ${phone(`${name} phone`)}`,
    locationBias: { circle: { center: { latitude: near.lat, longitude: near.lng }, radius: 100 } },
  });

  await attempt('find', () =>
    client.findPlaceFromText({
      params: {
        input: mark('find input'),
        inputtype: 'textquery',
        fields: ['name'],
        key: key(),
        locationbias: `point:${mark('bias')}`,
      },
      url: legacy('findplacefromtext'),
    }),
  );
  await attempt('find by phone', () =>
    client.findPlaceFromText({
      params: { input: phone('find phone'), inputtype: 'phonenumber', fields: ['name'], key: key() },
      url: legacy('findplacefromtext'),
    }),
  );
  await attempt('details', () =>
    client.placeDetails({
      params: {
        place_id: 'ChIJN1t_tDeuEmsRUsoyG83frY4',
        fields: ['name', 'formatted_phone_number'],
        key: key(),
        sessiontoken: mark('session token'),
      },
      url: legacy('details'),
    }),
  );
  await attempt('nearby', () =>
    client.placesNearby({
      params: { location: near, radius: 100, keyword: mark('keyword'), key: key() },
      url: legacy('nearbysearch'),
    }),
  );
  await attempt('autocomplete', () =>
    client.placeAutocomplete({
      params: { input: mark('typed'), key: key(), sessiontoken: mark('session token') },
      url: legacy('queryautocomplete'),
    }),
  );
  await attempt('a wrong key', () =>
    client.textSearch({
      params: { query: mark('wrong key query'), key: `wrong${mark('wrong google key')}` },
      url: legacy('textsearch'),
    }),
  );
  const headers = (mask) => ({ 'content-type': 'application/json', 'x-goog-api-key': key(), 'x-goog-fieldmask': mask });
  await attempt('new text search', async () => {
    const url = `${at.places}/v1/places:searchText?key=${key()}`;
    const response = await fetch(url, {
      method: 'POST',
      headers: headers('places.id,places.rating'),
      body: JSON.stringify(search('new')),
    });
    await response.text();
  });
  await attempt('a field mask with words', async () => {
    const response = await fetch(`${at.places}/v1/places:searchText`, {
      method: 'POST',
      headers: headers(`places.${mark('field mask')}`),
      body: JSON.stringify(search('odd mask')),
    });
    await response.text();
  });
  await attempt('a failure', async () => {
    const response = await fetch(`${at.places}/v1/places:searchNearby`, {
      method: 'POST',
      headers: { ...headers('places.id'), 'x-fail': '500' },
      body: JSON.stringify(search('failing')),
    });
    await response.text();
  });
  await attempt(
    'node:http',
    () =>
      new Promise((resolve, reject) => {
        const request = http.get(
          `${at.places}/v1/places/${mark('place in a path')}?fields=id&key=${key()}&languageCode=en`,
          (response) => {
            response.resume();
            response.on('end', resolve);
          },
        );
        request.on('error', reject);
      }),
  );
  await attempt('photo', async () => {
    const url = `${at.places}/maps/api/place/photo?maxwidth=100&photo_reference=${mark('photo reference')}&key=${key()}`;
    await (await fetch(url)).arrayBuffer();
  });
  await attempt('session', async () => {
    const body = JSON.stringify({ input: mark('session input'), sessionToken: mark('new session token') });
    await (await fetch(`${at.places}/v1/places:autocomplete`, { method: 'POST', headers: headers('*'), body })).text();
  });
  await attempt('client library', async () => {
    const { PlacesClient } = require('@googlemaps/places');
    const { hostname, port } = new URL(at.places);
    const google = new PlacesClient({
      fallback: true,
      apiEndpoint: hostname,
      port: Number(port),
      protocol: 'http',
      apiKey: key(),
    });
    await google.searchText(search('library'), { otherArgs: { headers: { 'X-Goog-FieldMask': 'places.id' } } });
  });
  for (const [index] of require('../hostile.cjs').ANSWERS.entries()) {
    await attempt(`malformed ${index}`, async () => {
      const url = `${at.hostile}/${index}/maps/api/place/textsearch/json?query=${mark('malformed query')}&key=${key()}`;
      await (await fetch(url)).text();
    });
  }
};
