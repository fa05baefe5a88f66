import { currentScope } from '../attribution/index.ts';
import type { HttpAnswer, HttpCallEnd, HttpCallStart, HttpRequest, HttpRule } from '../http/types.ts';
import type { UsageScope } from '../types.ts';
import { inSession } from './sessions.ts';
import { classify, classifyMethod, type PlacesCall, SERVICE } from './sku.ts';
import { chargeOf, legacyStatus } from './usage.ts';

const NO_QUERY = new URLSearchParams();

/** Refusals are short: one line of explanation. What is longer carries results and need not be decoded. */
const LONGEST_REFUSAL = 2_048;

interface Match {
  call: PlacesCall;
  /** The new API's autocomplete names its session in the request's body. */
  readonly autocomplete: boolean;
  /** Of the autocomplete session that the request belongs to. */
  token: string | undefined;
  readonly scope: UsageScope | undefined;
}

/** Requests to the two hosts of the Places API: fetch, node:http and whatever goes through them. */
export const placesRule: HttpRule<Match> = {
  matches(request: HttpRequest): Match | undefined {
    const query = request.search === '' ? NO_QUERY : new URLSearchParams(request.search);
    const call = classify({ path: request.path, query, fieldMask: request.header('x-goog-fieldmask') });
    if (call === undefined || request.method === 'OPTIONS') return undefined;
    const autocomplete = call.operation === 'autocomplete' && !call.legacy;
    const token = query.get('sessiontoken') ?? query.get('sessionToken') ?? query.get('session_token') ?? undefined;
    return { call, autocomplete, token, scope: autocomplete || token !== undefined ? currentScope() : undefined };
  },

  begin({ call, autocomplete }, request): HttpCallStart {
    return {
      start: {
        service: SERVICE,
        operation: call.operation,
        spanName: `${SERVICE} ${call.operation}`,
        attributes: {
          'http.request.method': request.method,
          'server.address': request.host,
          'server.port': request.port,
        },
      },
      wantsBody: call.legacy && call.operation !== 'photo',
      wantsRequestBody: autocomplete,
    };
  },

  end(match, answer): HttpCallEnd {
    if (match.autocomplete) readSession(match, answer);
    const { call, token, scope } = match;
    const charge = chargeOf(call, {
      outcome: answer.outcome,
      status: answer.status,
      errorType: answer.errorType,
      refused: answer.unsent ? true : undefined,
      apiStatus: call.legacy && answer.status === 200 ? statusOf(answer) : undefined,
    });
    const end = inSession(call, token, charge, scope);
    return answer.error === undefined ? end : { ...end, error: answer.error };
  },
};

function statusOf(answer: HttpAnswer): string | undefined {
  if (Number(answer.header('content-length') ?? 0) > LONGEST_REFUSAL) return 'OK';
  return legacyStatus(answer.text());
}

function readSession(match: Match, answer: HttpAnswer): void {
  const sent = answer.requestJson() as { sessionToken?: unknown; session_token?: unknown } | null | undefined;
  const token = sent?.sessionToken ?? sent?.session_token;
  if (typeof token !== 'string' || token === '') return;
  match.token = token;
  match.call = classifyMethod('autocomplete', undefined, true);
}
