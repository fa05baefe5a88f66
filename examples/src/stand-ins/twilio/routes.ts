import { createCall, finishRecording, startRecording, updateCall } from './calls.ts';
import { createMessage, updateMessage } from './messages.ts';
import { availableNumbers, buyNumber } from './numbers.ts';
import type { State } from './state.ts';
import type { Resource, TwilioRequest } from './types.ts';
import { usageRecords } from './usage-records.ts';
import { inDates, page, TwilioError } from './wire.ts';

export interface Answer {
  readonly status: number;
  readonly body?: object | undefined;
}

/** The answer to a request, below `/2010-04-01/Accounts/{sid}`. @throws TwilioError */
export function answerTo(state: State, request: TwilioRequest): Answer {
  const { method, query } = request;
  const [name = '', second, third, fourth] = request.path
    .replace(/^\//, '')
    .replace(/\.json$/, '')
    .split('/');
  const own = (map: ReadonlyMap<string, Resource>) =>
    [...map.values()].filter((item) => item.account_sid === request.accountSid).reverse();
  const one = (map: ReadonlyMap<string, Resource>, sid: string): Resource => {
    const item = map.get(sid);
    if (item === undefined || item.account_sid !== request.accountSid) {
      throw new TwilioError(404, 20404, `The requested resource ${request.path} was not found`);
    }
    return item;
  };
  const list = (key: string, items: readonly object[]): Answer => {
    return { status: 200, body: page(`/2010-04-01/Accounts/${request.accountSid}${request.path}`, query, key, items) };
  };
  const like = (item: Resource, fields: Record<string, string>) =>
    Object.entries(fields).every(
      ([param, field]) => query.get(param) === null || query.get(param) === String(item[field]),
    );

  switch (`${method} ${name}`) {
    case 'POST Messages':
      if (second === undefined) return { status: 201, body: createMessage(state, request) };
      return { status: 200, body: updateMessage(state, one(state.messages, second), request) };
    case 'GET Messages':
      if (second !== undefined) return { status: 200, body: { ...one(state.messages, second) } };
      return list(
        'messages',
        own(state.messages).filter(
          (item) => like(item, { To: 'to', From: 'from' }) && inDates(query, 'DateSent', item.date_sent),
        ),
      );
    case 'DELETE Messages':
      state.messages.delete(one(state.messages, second ?? '').sid);
      return { status: 204 };
    case 'POST Calls':
      if (second === undefined) return { status: 201, body: createCall(state, request) };
      if (third === 'Recordings') return recordings(state, request, one(state.calls, second), fourth, one);
      return { status: 200, body: updateCall(state, one(state.calls, second), request) };
    case 'GET Calls':
      if (third === 'Recordings') {
        if (fourth !== undefined) return { status: 200, body: { ...one(state.recordings, fourth) } };
        return list(
          'recordings',
          own(state.recordings).filter((item) => item.call_sid === second),
        );
      }
      if (second !== undefined) return { status: 200, body: { ...one(state.calls, second) } };
      return list(
        'calls',
        own(state.calls).filter(
          (item) =>
            like(item, { To: 'to', From: 'from', Status: 'status', ParentCallSid: 'parent_call_sid' }) &&
            inDates(query, 'StartTime', item.start_time),
        ),
      );
    case 'GET Recordings':
      if (second !== undefined) return { status: 200, body: { ...one(state.recordings, second) } };
      return list(
        'recordings',
        own(state.recordings).filter(
          (item) => like(item, { CallSid: 'call_sid' }) && inDates(query, 'DateCreated', item.date_created),
        ),
      );
    case 'POST IncomingPhoneNumbers': {
      const kind = ['Local', 'TollFree', 'Mobile'].find((candidate) => candidate === second);
      if (second !== undefined && kind === undefined) return { status: 200, body: { ...one(state.numbers, second) } };
      return { status: 201, body: buyNumber(state, request, kind) };
    }
    case 'GET IncomingPhoneNumbers':
      if (second !== undefined) return { status: 200, body: { ...one(state.numbers, second) } };
      return list(
        'incoming_phone_numbers',
        own(state.numbers).filter((item) => like(item, { PhoneNumber: 'phone_number', FriendlyName: 'friendly_name' })),
      );
    case 'DELETE IncomingPhoneNumbers':
      state.numbers.delete(one(state.numbers, second ?? '').sid);
      return { status: 204 };
    case 'GET AvailablePhoneNumbers':
      return list('available_phone_numbers', availableNumbers(second ?? 'US', third ?? 'Local', query));
    case 'GET Usage':
      return list('usage_records', usageRecords(state, request.accountSid, third, query));
    default:
      throw new TwilioError(404, 20404, `The requested resource ${request.path} was not found`);
  }
}

function recordings(
  state: State,
  request: TwilioRequest,
  call: Resource,
  sid: string | undefined,
  one: (map: ReadonlyMap<string, Resource>, sid: string) => Resource,
): Answer {
  if (sid === undefined) return { status: 201, body: startRecording(state, call, request) };
  const recording =
    sid === 'Twilio.CURRENT'
      ? [...state.recordings.values()].findLast((item) => item.call_sid === call.sid)
      : one(state.recordings, sid);
  if (recording === undefined) throw new TwilioError(404, 20404);
  if (request.form.get('Status') === 'stopped') finishRecording(state, recording, 61);
  else recording.status = request.form.get('Status') ?? recording.status;
  return { status: 200, body: { ...recording } };
}
