import { describe, expect, test } from 'vitest';
import { loadPriceBook } from '../prices/index.ts';

const book = loadPriceBook();
const BEFORE = new Date('2026-02-28T23:59:59Z');
const SINCE = new Date('2026-03-01T00:00:00Z');

function price(operation: string, sku: string | undefined, at: Date): string | undefined {
  return book.price({ service: 'google_places', operation, sku, quantity: '1', unit: 'request', at }).amount;
}

test.each([
  ['place_details', '0.017'],
  ['find_place', '0.017'],
  ['nearby_search', '0.032'],
])('the first price table: %s costs %s until March 2026', (operation, amount) => {
  expect(price(operation, undefined, BEFORE)).toBe(amount);
  expect(price(operation, `legacy_${operation}`, BEFORE)).toBe(amount);
  expect(price(operation, undefined, SINCE), 'a SKU is needed from then on').toBeUndefined();
});

describe('since March 2026', () => {
  test.each([
    ['place_details', 'legacy_place_details_id_refresh', '0'],
    ['place_details', 'legacy_place_details', '0.017'],
    ['place_details', 'legacy_place_details_contact', '0.02'],
    ['place_details', 'legacy_place_details_atmosphere', '0.022'],
    ['place_details', 'legacy_place_details_contact_atmosphere', '0.025'],
    ['find_place', 'legacy_find_place_id_only', '0'],
    ['find_place', 'legacy_find_place', '0.017'],
    ['find_place', 'legacy_find_place_contact', '0.02'],
    ['find_place', 'legacy_find_place_atmosphere', '0.022'],
    ['find_place', 'legacy_find_place_contact_atmosphere', '0.025'],
    ['nearby_search', 'legacy_nearby_search', '0.04'],
    ['text_search', 'legacy_text_search', '0.04'],
    ['autocomplete', 'legacy_autocomplete_request', '0.00283'],
    ['autocomplete', 'legacy_query_autocomplete_request', '0.00283'],
    ['autocomplete', 'legacy_autocomplete_session', '0.017'],
    ['autocomplete', 'legacy_autocomplete_session_request', '0'],
    ['autocomplete', 'legacy_autocomplete_with_details', '0'],
    ['photo', 'legacy_photo', '0.007'],
    ['place_details', 'place_details_essentials_ids_only', '0'],
    ['place_details', 'place_details_essentials', '0.005'],
    ['place_details', 'place_details_pro', '0.017'],
    ['place_details', 'place_details_enterprise', '0.02'],
    ['place_details', 'place_details_enterprise_atmosphere', '0.025'],
    ['text_search', 'text_search_essentials_ids_only', '0'],
    ['text_search', 'text_search_pro', '0.032'],
    ['text_search', 'text_search_enterprise', '0.035'],
    ['text_search', 'text_search_enterprise_atmosphere', '0.04'],
    ['nearby_search', 'nearby_search_pro', '0.032'],
    ['nearby_search', 'nearby_search_enterprise', '0.035'],
    ['nearby_search', 'nearby_search_enterprise_atmosphere', '0.04'],
    ['autocomplete', 'autocomplete_request', '0.00283'],
    ['autocomplete', 'autocomplete_session_request', '0.00283'],
    ['autocomplete', 'autocomplete_session_usage', '0'],
    ['photo', 'place_details_photos', '0.007'],
    ['place_details', 'place_details_unknown', undefined],
    ['text_search', 'text_search_unknown', undefined],
    ['unknown', 'unknown', undefined],
    ['unknown', 'legacy_unknown', undefined],
  ])('%s %s costs %s', (operation, sku, amount) => {
    expect(price(operation, sku, SINCE)).toBe(amount);
    // All that a ledger has of a call that usageContext named.
    expect(price('lead_scoring', sku, SINCE)).toBe(amount);
  });
});
