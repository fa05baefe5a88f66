import type { HttpAnswer, HttpCallEnd, HttpCallStart, HttpRequest, HttpRule } from '../http/types.ts';
import { classify, type PlacesCall, SERVICE } from './sku.ts';
import { chargeOf, legacyStatus } from './usage.ts';

const NO_QUERY = new URLSearchParams();

/** Refusals are short: one line of explanation. What is longer carries results and need not be decoded. */
const LONGEST_REFUSAL = 2_048;

interface Match {
  call: PlacesCall;
  /** What of the request a session in its body may change. */
  readonly autocomplete: boolean;
}

/** Requests to the two hosts of the Places API: fetch, node:http and whatever goes through them. */
export const placesRule: HttpRule<Match> = {
  matches(request: HttpRequest): Match | undefined {
    const query = request.search === '' ? NO_QUERY : new URLSearchParams(request.search);
    const call = classify({ path: request.path, query, fieldMask: request.header('x-goog-fieldmask') });
    if (call === undefined || request.method === 'OPTIONS') return undefined;
    return { call, autocomplete: call.operation === 'autocomplete' && !call.legacy };
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
    if (match.autocomplete) match.call = withSession(match.call, answer);
    const { call } = match;
    return {
      ...chargeOf(call, {
        outcome: answer.outcome,
        status: answer.status,
        errorType: answer.errorType,
        refused: answer.unsent ? true : undefined,
        apiStatus: call.legacy && answer.status === 200 ? statusOf(answer) : undefined,
      }),
      ...(answer.error === undefined ? undefined : { error: answer.error }),
    };
  },
};

function statusOf(answer: HttpAnswer): string | undefined {
  if (Number(answer.header('content-length') ?? 0) > LONGEST_REFUSAL) return 'OK';
  return legacyStatus(answer.text());
}

function withSession(call: PlacesCall, answer: HttpAnswer): PlacesCall {
  const sent = answer.requestJson() as { sessionToken?: unknown; session_token?: unknown } | null | undefined;
  const token = sent?.sessionToken ?? sent?.session_token;
  return typeof token === 'string' && token !== ''
    ? { ...call, sku: 'autocomplete_session_request', estimated: true }
    : call;
}
