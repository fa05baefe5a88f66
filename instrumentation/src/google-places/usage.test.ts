import { describe, expect, test } from 'vitest';
import { errorTypeOf, grpcOutcome } from './grpc.ts';
import { classifyMethod, type PlacesCall } from './sku.ts';
import { chargeOf, legacyStatus, type PlacesAnswer } from './usage.ts';

const LEGACY: PlacesCall = { operation: 'nearby_search', sku: 'legacy_nearby_search', legacy: true };
const PHOTO: PlacesCall = { operation: 'photo', sku: 'legacy_photo', legacy: true };
const NEW = classifyMethod('searchText', 'places.id', false);

/** What a charge says: `billed`, `free`, `estimated`, or why it has no price. */
function verdict(call: PlacesCall, answer: PlacesAnswer): string {
  const end = chargeOf(call, answer);
  expect(end).toMatchObject({ unit: 'request', sku: call.sku });
  if (end.billed === false) return 'free';
  if (end.unpricedReason !== undefined) return 'unpriced';
  return end.estimated ? 'estimated' : 'billed';
}

describe('legacy', () => {
  test.each([
    ['OK', 'billed', 'ok', undefined],
    ['ZERO_RESULTS', 'billed', 'ok', undefined],
    ['INVALID_REQUEST', 'free', 'error', 'INVALID_REQUEST'],
    ['OVER_QUERY_LIMIT', 'free', 'error', 'OVER_QUERY_LIMIT'],
    ['OVER_DAILY_LIMIT', 'free', 'error', 'OVER_DAILY_LIMIT'],
    ['REQUEST_DENIED', 'free', 'error', 'REQUEST_DENIED'],
    ['UNKNOWN_ERROR', 'free', 'error', 'UNKNOWN_ERROR'],
    ['NOT_FOUND', 'unpriced', 'error', 'NOT_FOUND'],
    ['toString', 'unpriced', 'error', '_OTHER'],
  ])('status %s: %s', (apiStatus, expected, outcome, errorType) => {
    const answer: PlacesAnswer = { outcome: 'ok', status: 200, apiStatus };
    expect(verdict(LEGACY, answer)).toBe(expected);
    const end = chargeOf(LEGACY, answer);
    expect(end.outcome).toBe(outcome);
    expect(end.errorType).toBe(errorType);
  });

  test('a body that nobody read is almost surely one that is billed', () => {
    expect(verdict(LEGACY, { outcome: 'ok', status: 200 })).toBe('estimated');
  });

  test.each([
    [200, 'billed'],
    [302, 'billed'],
    [403, 'free'],
  ])('a photo answered with %s: %s', (status, expected) => {
    expect(verdict(PHOTO, { outcome: status < 400 ? 'ok' : 'error', status })).toBe(expected);
  });

  test.each([301, 302, 303, 307, 308])('a redirect (%s) costs nothing: the hop it leads to does', (status) => {
    expect(verdict(LEGACY, { outcome: 'ok', status })).toBe('free');
    expect(verdict(classifyMethod('getPlace', 'displayName', false), { outcome: 'ok', status })).toBe('free');
  });

  test('HTTP errors are free', () => {
    expect(verdict(LEGACY, { outcome: 'error', status: 500, errorType: '500' })).toBe('free');
  });

  test('the status is read from JSON and XML', () => {
    expect(legacyStatus('{"results" : [], "status" : "ZERO_RESULTS"}')).toBe('ZERO_RESULTS');
    expect(
      legacyStatus('{"result":{"business_status":"OPERATIONAL","name":"a \\"status\\": \\"X\\""},"status":"OK"}'),
    ).toBe('OK');
    expect(legacyStatus('{"status":"OK","result":{"business_status":"OPERATIONAL"}}')).toBe('OK');
    expect(legacyStatus('<?xml version="1.0"?>\n<PlaceDetailsResponse>\n <status>NOT_FOUND</status>')).toBe(
      'NOT_FOUND',
    );
    expect(legacyStatus('{"business_status":"OPERATIONAL"}')).toBeUndefined();
    expect(legacyStatus('[1]')).toBeUndefined();
    expect(legacyStatus('')).toBeUndefined();
    expect(legacyStatus(undefined)).toBeUndefined();
  });
});

describe('new', () => {
  test.each([
    [{ outcome: 'ok', status: 200 }, 'billed'],
    [{ outcome: 'error', status: 400 }, 'free'],
    [{ outcome: 'error', status: 404 }, 'free'],
    [{ outcome: 'error', status: 429 }, 'free'],
    [{ outcome: 'error', status: 503 }, 'free'],
    [{ outcome: 'error', refused: true }, 'free'],
    [{ outcome: 'aborted' }, 'unpriced'],
    [{ outcome: 'error', errorType: 'ECONNRESET' }, 'unpriced'],
    [{ outcome: 'ok', refused: false }, 'billed'],
  ] as [PlacesAnswer, string][])('%o: %s', (answer, expected) => {
    expect(verdict(NEW, answer)).toBe(expected);
  });

  test('an unknown field stays unpriced when it is answered, and free when it is refused', () => {
    const unknown = classifyMethod('searchText', 'places.aura', false);
    expect(verdict(unknown, { outcome: 'ok', status: 200 })).toBe('unpriced');
    expect(verdict(unknown, { outcome: 'error', status: 400 })).toBe('free');
  });

  test.each([
    [3, 'error', true],
    [5, 'error', true],
    [7, 'error', true],
    [8, 'error', true],
    [13, 'error', true],
    [16, 'error', true],
    [1, 'aborted', undefined],
    [2, 'error', undefined],
    [4, 'error', undefined],
    [14, 'error', undefined],
    [undefined, 'error', undefined],
    [99, 'error', undefined],
  ])('gRPC code %s: %s, refused %s', (code, outcome, refused) => {
    expect(grpcOutcome({ code })).toEqual({ outcome, refused });
  });

  test.each([
    [{ code: 5 }, 'NOT_FOUND', true],
    [{ code: 400, status: 400 }, '400', true],
    [{ code: '403' }, '403', true],
    [{ response: { status: 429 } }, '429', true],
    [new TypeError('x'), 'TypeError', undefined],
    [{ code: 'ECONNRESET' }, 'Object', undefined],
    [undefined, undefined, undefined],
  ])('error %o is of type %s, refused %s', (error, type, refused) => {
    expect(errorTypeOf(error)).toBe(type);
    expect(grpcOutcome(error).refused).toBe(refused);
  });
});
