import { currentScope } from '../attribution/index.ts';
import { warnOnce } from '../log.ts';
import { getRecorder } from '../recorder/index.ts';
import { uuidv7 } from '../recorder/uuid.ts';
import type { CallEnd, UsageScope } from '../types.ts';
import { type PlacesCall, SERVICE } from './sku.ts';

/*
 * What an autocomplete request with a session token costs is decided later, by the Place Details request with the same token
 * (https://developers.google.com/maps/documentation/places/web-service/session-pricing, read 2026-11-22):
 *   new     ended by Pro or higher: nothing; by Essentials: its first 12 requests; never ended: every request
 *   legacy  ended: nothing; never ended: one price for the session
 * Each request is recorded as if its session were never ended; when this process sees the end, the requests before it are
 * recorded anew as version 2. A token is kept in memory only, for as long as Google may take it.
 */

interface Request {
  readonly usageId: string;
  readonly scope: UsageScope;
  readonly at: Date;
}
interface Session {
  readonly legacy: boolean;
  readonly requests: Request[];
  readonly since: number;
}

const MAX_SESSIONS = 1_000;
const MAX_REQUESTS = 100;
const LIFETIME_MS = 30 * 60_000;
/** So many requests of a session are billed where Place Details Essentials ends it. */
const BILLED_WITH_ESSENTIALS = 12;

/** In order of their beginning. */
const sessions = new Map<string, Session>();

/**
 * What a finished call with a session token changes: its own charge, and those of the session that it ends. Never throws.
 * @param token undefined or empty: the call belongs to no session
 * @param scope who pays for the call, default the scope in force
 */
export function inSession(call: PlacesCall, token: string | undefined, end: CallEnd, scope?: UsageScope): CallEnd {
  if (token === undefined || token === '' || end.outcome !== 'ok' || end.unpricedReason !== undefined) return end;
  // Queries have no sessions; a redirect is no request of one.
  if (call.sku === 'legacy_query_autocomplete_request' || end.billed === false) return end;
  try {
    if (call.operation === 'autocomplete') return request(call, token, end, scope ?? currentScope());
    if (call.operation === 'place_details') endSession(call, token);
  } catch (error) {
    warnOnce(
      'google_places:session',
      'an autocomplete session could not be followed: its price stays an estimate',
      error,
    );
  }
  return end;
}

const keyOf = (legacy: boolean, token: string): string => `${legacy ? 'legacy' : 'new'} ${token}`;

function request(call: PlacesCall, token: string, end: CallEnd, scope: UsageScope): CallEnd {
  const { legacy } = call;
  const key = keyOf(legacy, token);
  const now = new Date();
  let session = sessions.get(key);
  if (session === undefined || now.getTime() - session.since > LIFETIME_MS) {
    sessions.delete(key);
    session = { legacy, requests: [], since: now.getTime() };
    for (const oldest of sessions.keys()) {
      if (sessions.size < MAX_SESSIONS) break;
      sessions.delete(oldest);
    }
    sessions.set(key, session);
  }
  const first = session.requests.length === 0;
  const usageId = uuidv7();
  if (session.requests.length < MAX_REQUESTS) session.requests.push({ usageId, scope, at: now });
  const sku = legacy
    ? first
      ? 'legacy_autocomplete_session'
      : 'legacy_autocomplete_session_request'
    : 'autocomplete_session_request';
  return { ...end, sku, usageId, endTime: now, estimated: true };
}

function endSession(details: PlacesCall, token: string): void {
  const key = keyOf(details.legacy, token);
  const session = sessions.get(key);
  if (session === undefined) return;
  // A token is good for one session.
  sessions.delete(key);
  if (Date.now() - session.since > LIFETIME_MS) return;
  const essentials = !details.legacy && /_essentials/.test(details.sku);
  session.requests.forEach(({ usageId, scope, at }, index) => {
    const billed = essentials && index < BILLED_WITH_ESSENTIALS;
    const sku = details.legacy
      ? 'legacy_autocomplete_with_details'
      : billed
        ? 'autocomplete_request'
        : 'autocomplete_session_usage';
    const operation = 'autocomplete';
    getRecorder()
      .start({ service: SERVICE, operation, spanName: `${SERVICE} ${operation}`, scope, startTime: at })
      .end({ outcome: 'ok', unit: 'request', sku, usageId, version: 2, endTime: at });
  });
}

/** For tests. */
export function forgetSessions(): void {
  sessions.clear();
}
