import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { tierOf } from './fields.ts';
import { classify, classifyMethod } from './sku.ts';

const LEGACY = 'https://maps.googleapis.com/maps/api/place';
const NEW = 'https://places.googleapis.com/v1';

function of(url: string, fieldMask?: string, session?: boolean) {
  const { pathname, searchParams } = new URL(url);
  return classify({ path: pathname, query: searchParams, fieldMask, session });
}

describe('legacy', () => {
  test.each([
    ['details/json?place_id=x', 'place_details', 'legacy_place_details_contact_atmosphere'],
    ['details/json?place_id=x&fields=', 'place_details', 'legacy_place_details_contact_atmosphere'],
    ['details/json?place_id=x&fields=name,geometry', 'place_details', 'legacy_place_details'],
    ['details/json?place_id=x&fields=name,geometry/location/lat', 'place_details', 'legacy_place_details'],
    ['details/json?place_id=x&fields=place_id', 'place_details', 'legacy_place_details_id_refresh'],
    ['details/json?place_id=x&fields=place_id,name', 'place_details', 'legacy_place_details'],
    ['details/json?place_id=x&fields=name,website', 'place_details', 'legacy_place_details_contact'],
    ['details/xml?place_id=x&fields=rating', 'place_details', 'legacy_place_details_atmosphere'],
    [
      'details/json?fields=opening_hours/open_now%2Creviews',
      'place_details',
      'legacy_place_details_contact_atmosphere',
    ],
    ['details/json?fields=website&fields=rating', 'place_details', 'legacy_place_details_contact_atmosphere'],
    ['findplacefromtext/json?input=x&inputtype=textquery', 'find_place', 'legacy_find_place_id_only'],
    ['findplacefromtext/json?input=x&fields=place_id', 'find_place', 'legacy_find_place_id_only'],
    ['findplacefromtext/json?input=x&fields=formatted_address,name', 'find_place', 'legacy_find_place'],
    ['findplacefromtext/json?input=x&fields=name,opening_hours', 'find_place', 'legacy_find_place_contact'],
    ['findplacefromtext/json?input=x&fields=rating', 'find_place', 'legacy_find_place_atmosphere'],
    ['nearbysearch/json?location=1,2&radius=5', 'nearby_search', 'legacy_nearby_search'],
    ['nearbysearch/json?pagetoken=abc', 'nearby_search', 'legacy_nearby_search'],
    ['textsearch/xml?query=x', 'text_search', 'legacy_text_search'],
    ['autocomplete/json?input=x', 'autocomplete', 'legacy_autocomplete_request'],
    ['autocomplete/json?input=x&sessiontoken=t', 'autocomplete', 'legacy_autocomplete_session'],
    ['autocomplete/json?input=x&sessiontoken=', 'autocomplete', 'legacy_autocomplete_request'],
    ['queryautocomplete/json?input=x', 'autocomplete', 'legacy_query_autocomplete_request'],
    ['photo?photo_reference=x&maxwidth=4', 'photo', 'legacy_photo'],
  ])('%s → %s %s', (path, operation, sku) => {
    const call = of(`${LEGACY}/${path}`);
    expect(call).toMatchObject({ operation, sku, legacy: true });
    expect(call?.unpricedReason).toBeUndefined();
    expect(call?.estimated).toBe(sku.includes('session') ? true : undefined);
  });

  test('an unknown field is named, and not priced', () => {
    const call = of(`${LEGACY}/details/json?fields=name,aura`);
    expect(call).toMatchObject({ operation: 'place_details', sku: 'legacy_place_details_unknown' });
    expect(call?.unpricedReason).toBe('field aura is in no price list');
  });

  test('an unknown field that is no name is not recorded', () => {
    const call = of(`${LEGACY}/details/json?fields=${encodeURIComponent('12 Main Street')}`);
    expect(call?.unpricedReason).toBe('field (no name) is in no price list');
  });

  test('an unknown method is recorded as one; other APIs of the host are not', () => {
    expect(of(`${LEGACY}/radarsearch/json?x=1`)).toMatchObject({ operation: 'unknown', sku: 'legacy_unknown' });
    expect(of(`${LEGACY}/details/protobuf/x`)).toMatchObject({ operation: 'unknown' });
    expect(of('https://maps.googleapis.com/maps/api/geocode/json?address=x')).toBeUndefined();
    expect(of('https://maps.googleapis.com/maps/api/placer')).toBeUndefined();
    expect(of('https://maps.googleapis.com/')).toBeUndefined();
  });
});

describe('new', () => {
  test.each([
    ['places:searchText', 'places.id', 'text_search', 'text_search_essentials_ids_only'],
    ['places:searchText', 'places.id,nextPageToken', 'text_search', 'text_search_essentials_ids_only'],
    ['places:searchText', 'places.id,places.photos', 'text_search', 'text_search_pro'],
    ['places:searchText', 'places.displayName,places.formattedAddress', 'text_search', 'text_search_pro'],
    ['places:searchText', 'places.displayName.text,places.rating', 'text_search', 'text_search_enterprise'],
    ['places:searchText', 'places.reviews.rating,places.id', 'text_search', 'text_search_enterprise_atmosphere'],
    ['places:searchText', 'routingSummaries', 'text_search', 'text_search_enterprise_atmosphere'],
    ['places:searchText', '*', 'text_search', 'text_search_enterprise_atmosphere'],
    ['places:searchText', 'places', 'text_search', 'text_search_enterprise_atmosphere'],
    ['places:searchText', 'places.*', 'text_search', 'text_search_enterprise_atmosphere'],
    ['places:searchText', 'places.display_name,places.website_uri', 'text_search', 'text_search_enterprise'],
    ['places:searchText', 'places.aura,*', 'text_search', 'text_search_enterprise_atmosphere'],
    ['places:searchNearby', 'places.id', 'nearby_search', 'nearby_search_pro'],
    ['places:searchNearby', 'places.location', 'nearby_search', 'nearby_search_pro'],
    ['places:searchNearby', 'places.priceLevel', 'nearby_search', 'nearby_search_enterprise'],
    ['places:searchNearby', 'places.takeout', 'nearby_search', 'nearby_search_enterprise_atmosphere'],
    ['places/ChIJ', 'id,photos', 'place_details', 'place_details_essentials_ids_only'],
    ['places/ChIJ', 'id,formattedAddress', 'place_details', 'place_details_essentials'],
    ['places/ChIJ', 'id,displayName', 'place_details', 'place_details_pro'],
    ['places/ChIJ', 'rating,displayName', 'place_details', 'place_details_enterprise'],
    ['places/ChIJ', 'reviewSummary', 'place_details', 'place_details_enterprise_atmosphere'],
    ['places/ChIJ?fields=id,location', undefined, 'place_details', 'place_details_essentials'],
    ['places/ChIJ?$fields=id,displayName', undefined, 'place_details', 'place_details_pro'],
    ['places/ChIJ/photos/AbC/media?maxWidthPx=4', undefined, 'photo', 'place_details_photos'],
    ['places:autocomplete', undefined, 'autocomplete', 'autocomplete_request'],
    ['places:autocomplete', '*', 'autocomplete', 'autocomplete_request'],
  ])('%s with %s → %s %s', (path, mask, operation, sku) => {
    const call = of(`${NEW}/${path}`, mask);
    expect(call).toEqual({ operation, sku, legacy: false });
  });

  test('a session is an estimate', () => {
    const estimate = { operation: 'autocomplete', sku: 'autocomplete_session_request', legacy: false, estimated: true };
    expect(of(`${NEW}/places:autocomplete`, undefined, true)).toEqual(estimate);
    expect(classifyMethod('autocompletePlaces', undefined, true)).toEqual(estimate);
  });

  test.each([
    [
      'places:searchText',
      'places.aura',
      'text_search_unknown',
      'field places.aura of the field mask is in no price list',
    ],
    ['places:searchText', 'id', 'text_search_unknown', 'field id of the field mask is in no price list'],
    ['places/ChIJ', 'places.id', 'place_details_unknown', 'field places.id of the field mask is in no price list'],
    ['places/ChIJ', 'rating,aura', 'place_details_unknown', 'field aura of the field mask is in no price list'],
    ['places/ChIJ', undefined, 'place_details_unknown', 'the request has no field mask'],
    ['places/ChIJ', ' , ', 'place_details_unknown', 'the request has no field mask'],
    ['places:searchAura', '*', 'unknown', 'the method is not a known one of the Places API'],
    ['places:toString', '*', 'unknown', 'the method is not a known one of the Places API'],
    ['places/a/b/c', '*', 'unknown', 'the method is not a known one of the Places API'],
  ])('%s with %s is unpriced', (path, mask, sku, unpricedReason) => {
    expect(of(`${NEW}/${path}`, mask)).toMatchObject({ sku, unpricedReason });
  });

  test('another path of the host is none of the Places API', () => {
    expect(of('https://places.googleapis.com/$discovery/rest')).toBeUndefined();
  });

  test("every field of the package's Place is in the tables, but those that Google lists nowhere", () => {
    const require = createRequire(import.meta.url);
    const protos = require('@googlemaps/places/build/protos/protos.json');
    const { fields } = protos.nested.google.nested.maps.nested.places.nested.v1.nested.Place;
    const unlisted = Object.keys(fields).filter((field) => tierOf('place_details', field).tier === undefined);
    expect(unlisted.sort()).toEqual(['consumerAlert', 'googleMapsTypeLabel', 'transitStation']);
    for (const field of Object.keys(fields)) {
      const known = tierOf('place_details', field).tier !== undefined;
      expect(tierOf('text_search', `places.${field}`).tier !== undefined, field).toBe(known);
      expect(tierOf('nearby_search', `places.${field}`).tier !== undefined, field).toBe(known);
    }
  });
});
