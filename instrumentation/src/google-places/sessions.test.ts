import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { withClient } from '../attribution/index.ts';
import { RecorderDouble } from '../openai/testing/recorder.ts';
import { setRecorder } from '../recorder/index.ts';
import type { CallEnd } from '../types.ts';
import { forgetSessions, inSession } from './sessions.ts';
import { classify, classifyMethod, type PlacesCall } from './sku.ts';
import { chargeOf } from './usage.ts';

const recorder = new RecorderDouble();
beforeEach(() => {
  setRecorder(recorder);
  vi.useFakeTimers({ now: new Date('2026-11-22T10:00:00Z') });
});
afterEach(() => {
  setRecorder(undefined);
  recorder.clear();
  forgetSessions();
  vi.useRealTimers();
});

const NEW = classifyMethod('autocomplete', undefined, true);
const legacy = (path: string): PlacesCall => {
  const { pathname, searchParams } = new URL(`https://maps.googleapis.com/maps/api/place/${path}`);
  return classify({ path: pathname, query: searchParams }) as PlacesCall;
};
const OLD = legacy('autocomplete/json?input=x&sessiontoken=t');
const OLD_DETAILS = legacy('details/json?place_id=x&fields=name&sessiontoken=t');
const details = (mask: string) => classifyMethod('getPlace', mask, true);

function call(kind: PlacesCall, token: string | undefined, status = 200): CallEnd {
  const answer = { outcome: status === 200 ? ('ok' as const) : ('error' as const), status, apiStatus: 'OK' };
  return inSession(kind, token, chargeOf(kind, answer), { clientId: 'a' });
}

/** The corrections: SKU by the id of the charge that they correct. */
const corrected = () => recorder.calls.map(({ end }) => [end.usageId, end.sku, end.version]);

test('a query autocomplete is charged by itself, whatever token it names', () => {
  const query = legacy('queryautocomplete/json?input=x&sessiontoken=t');
  expect(call(query, 't')).toMatchObject({ sku: 'legacy_query_autocomplete_request' });
  expect(call(query, 't').usageId).toBeUndefined();
  call(OLD_DETAILS, 't');
  expect(corrected()).toEqual([]);
});

test('a redirect is no request of a session', () => {
  expect(inSession(OLD, 't', chargeOf(OLD, { outcome: 'ok', status: 302 }))).toMatchObject({ billed: false });
  call(OLD_DETAILS, 't');
  expect(corrected()).toEqual([]);
});

describe('new', () => {
  test('a session that Pro ends costs nothing', () => {
    const first = call(NEW, 't');
    vi.advanceTimersByTime(1_000);
    const second = call(NEW, 't');
    expect([first.sku, first.estimated, second.sku]).toEqual([
      'autocomplete_session_request',
      true,
      'autocomplete_session_request',
    ]);
    const end = call(details('displayName'), 't');
    expect(end).toMatchObject({ sku: 'place_details_pro' });
    expect(end.usageId).toBeUndefined();
    expect(corrected()).toEqual([
      [first.usageId, 'autocomplete_session_usage', 2],
      [second.usageId, 'autocomplete_session_usage', 2],
    ]);
    // On the day and for the client of the request, not of what ended the session.
    expect(recorder.calls[0]).toMatchObject({
      start: { scope: { clientId: 'a' }, startTime: new Date('2026-11-22T10:00:00Z') },
      end: { endTime: new Date('2026-11-22T10:00:00Z'), unit: 'request' },
    });
  });

  test('of a session that Essentials ends the first twelve are billed', () => {
    for (let index = 0; index < 14; index++) call(NEW, 't');
    call(details('location'), 't');
    const skus = recorder.calls.map(({ end }) => end.sku);
    expect(skus.slice(0, 12)).toEqual(Array(12).fill('autocomplete_request'));
    expect(skus.slice(12)).toEqual(Array(2).fill('autocomplete_session_usage'));
  });

  test.each([
    ['another token', () => call(details('displayName'), 'u')],
    ['no token', () => call(details('displayName'), undefined)],
    ['a refusal', () => call(details('displayName'), 't', 400)],
    ['an unknown field', () => call(details('aura'), 't')],
    ['the legacy API', () => call(OLD_DETAILS, 't')],
    ['a search', () => call(classifyMethod('searchText', 'places.id', true), 't')],
    [
      'Place Details much later',
      () => {
        vi.advanceTimersByTime(31 * 60_000);
        call(details('displayName'), 't');
      },
    ],
  ])('%s ends no session', (_name, run) => {
    call(NEW, 't');
    run();
    expect(recorder.calls).toEqual([]);
  });

  test('a token is good for one session', () => {
    call(NEW, 't');
    call(details('displayName'), 't');
    call(details('displayName'), 't');
    expect(recorder.calls).toHaveLength(1);
  });

  test('a request that is refused is none of its session', () => {
    expect(call(NEW, 't', 429)).toMatchObject({ billed: false });
    call(details('displayName'), 't');
    expect(recorder.calls).toEqual([]);
  });

  test('only so many sessions are kept', () => {
    for (let index = 0; index < 1_001; index++) call(NEW, `t${index}`);
    call(details('displayName'), 't0');
    expect(recorder.calls).toEqual([]);
    call(details('displayName'), 't1');
    expect(recorder.calls).toHaveLength(1);
  });
});

test('legacy: one price for a session, none with Place Details', () => {
  const first = call(OLD, 't');
  const second = call(OLD, 't');
  expect([first.sku, second.sku]).toEqual(['legacy_autocomplete_session', 'legacy_autocomplete_session_request']);
  call(OLD_DETAILS, 't');
  expect(corrected()).toEqual([
    [first.usageId, 'legacy_autocomplete_with_details', 2],
    [second.usageId, 'legacy_autocomplete_with_details', 2],
  ]);
});

test('the scope is that of the request', () => {
  withClient('b', () => inSession(NEW, 't', chargeOf(NEW, { outcome: 'ok', status: 200 })));
  call(details('displayName'), 't');
  expect(recorder.calls).toHaveLength(1);
});
