import { isRedirect } from '../http/redirect.ts';
import type { CallEnd } from '../types.ts';
import type { PlacesCall } from './sku.ts';

/** What came of a request, as far as its price depends on it. */
export interface PlacesAnswer {
  readonly outcome: 'ok' | 'error' | 'aborted';
  /** HTTP; undefined where no answer came, and over gRPC. */
  readonly status?: number | undefined;
  /** Legacy: the status that the body names; undefined where the body could not be read. */
  readonly apiStatus?: string | undefined;
  readonly errorType?: string | undefined;
  /** True where the answer (or its absence) says that nothing was done: not billed. Undefined: the status says it. */
  readonly refused?: boolean | undefined;
}

/**
 * Statuses of the legacy API. Billed is what was answered; a request that was refused or failed on Google's side is not
 * (https://developers.google.com/maps/documentation/places/web-service/legacy/search-nearby#PlacesSearchStatus).
 */
const LEGACY_STATUS: Readonly<Record<string, 'billed' | 'free'>> = {
  OK: 'billed',
  ZERO_RESULTS: 'billed',
  INVALID_REQUEST: 'free',
  OVER_DAILY_LIMIT: 'free',
  OVER_QUERY_LIMIT: 'free',
  REQUEST_DENIED: 'free',
  UNKNOWN_ERROR: 'free',
};

/** A finished request as a charge: one `request` of its SKU, 0 where Google does not bill it, unpriced where nobody knows. */
export function chargeOf(call: PlacesCall, answer: PlacesAnswer): CallEnd {
  const base: CallEnd = {
    outcome: answer.outcome,
    ...(answer.errorType === undefined ? undefined : { errorType: answer.errorType }),
    unit: 'request',
    sku: call.sku,
    ...(call.unpricedReason === undefined ? undefined : { unpricedReason: call.unpricedReason }),
    ...(call.estimated === true ? { estimated: true } : undefined),
    ...(answer.status === undefined ? undefined : { attributes: { 'http.response.status_code': answer.status } }),
  };
  if (answer.refused === true || (answer.status !== undefined && answer.status >= 400))
    return { ...base, billed: false };
  // The hop that it leads to is a request of its own. A photo is answered with one.
  if (call.operation !== 'photo' && isRedirect(answer.status)) return { ...base, billed: false };
  if (answer.refused === undefined && answer.status === undefined) {
    return { ...base, unpricedReason: 'no answer came: whether Google bills the request is not known' };
  }
  if (!call.legacy || call.operation === 'photo') return base;
  if (answer.apiStatus === undefined) {
    // Almost every answer with status 200 is one that is billed.
    return { ...base, estimated: true };
  }
  const known = Object.hasOwn(LEGACY_STATUS, answer.apiStatus) ? LEGACY_STATUS[answer.apiStatus] : undefined;
  if (known === 'billed') return base;
  const name = /^[A-Z_]{1,40}$/.test(answer.apiStatus) ? answer.apiStatus : '_OTHER';
  const failed: CallEnd = { ...base, outcome: 'error', errorType: name };
  if (known === 'free') return { ...failed, billed: false };
  return { ...failed, unpricedReason: `whether an answer with status ${name} is billed is not known` };
}

/**
 * The status in the body of a legacy answer. It is looked for, not parsed: a page of results is 50 kB of JSON, and inside its
 * texts no quote stands without a backslash.
 */
export function legacyStatus(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const json = /(?<!\\)"status"\s*:\s*"(\w{1,40})"/.exec(text);
  return (json ?? /<status>\s*([A-Z_]{1,40})\s*<\/status>/.exec(text))?.[1];
}
