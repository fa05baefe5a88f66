import type { State } from './state.ts';
import type { CallOutcome, Params, Resource, TwilioRequest } from './types.ts';
import { newSid, rfc2822, TwilioError } from './wire.ts';

interface Told {
  readonly url: string | undefined;
  readonly method: string;
  readonly events: readonly string[];
}

/** POST Calls.json */
export function createCall(state: State, { form, accountSid }: TwilioRequest): Resource {
  const to = form.get('To') ?? '';
  if (to === '') throw new TwilioError(400, 21201, "No 'To' number is specified");
  if (form.get('From') === null) throw new TwilioError(400, 21213, "'From' phone number is required");
  if (!/^(\+?[1-9]\d{4,14}|(sip|client):.+)$/i.test(to) || to === '+15005550001') {
    throw new TwilioError(400, 21217, `Phone number: ${to} is not valid`);
  }
  if (['Url', 'Twiml', 'ApplicationSid'].every((name) => form.get(name) === null)) {
    throw new TwilioError(400, 21205, "'Url' parameter is required.");
  }
  const call = newCall(accountSid, to, form.get('From') ?? '', 'outbound-api');
  state.calls.set(call.sid, call);
  const told: Told = {
    url: form.get('StatusCallback') ?? undefined,
    method: form.get('StatusCallbackMethod') ?? 'POST',
    events: form.has('StatusCallbackEvent') ? form.getAll('StatusCallbackEvent') : ['completed'],
  };
  const recording = form.get('Record') === 'true' ? form.get('RecordingStatusCallback') : undefined;
  runCall(state, call, state.options.call?.(call) ?? {}, told, recording);
  return { ...call };
}

export function newCall(accountSid: string, to: string, from: string, direction: string): Resource {
  const now = rfc2822(new Date());
  const sid = newSid('CA');
  const uri = `/2010-04-01/Accounts/${accountSid}/Calls/${sid}`;
  return {
    account_sid: accountSid,
    annotation: null,
    answered_by: null,
    api_version: '2010-04-01',
    caller_name: null,
    date_created: now,
    date_updated: now,
    direction,
    duration: null,
    end_time: null,
    forwarded_from: null,
    from,
    from_formatted: from,
    group_sid: null,
    parent_call_sid: null,
    phone_number_sid: null,
    price: null,
    price_unit: 'USD',
    queue_time: '0',
    sid,
    start_time: null,
    status: direction === 'inbound' ? 'ringing' : 'queued',
    subresource_uris: { recordings: `${uri}/Recordings.json` },
    to,
    to_formatted: to,
    trunk_sid: null,
    uri: `${uri}.json`,
  };
}

const EVENTS = { initiated: 'initiated', ringing: 'ringing', 'in-progress': 'answered' } as const;

/** The life of a call, with its callbacks: no time passes, the call has the length it is given. */
export function runCall(
  state: State,
  call: Resource,
  outcome: CallOutcome,
  told: Told,
  recording?: string | null,
): void {
  const end = outcome.status ?? 'completed';
  const steps = [
    ...(call.direction === 'inbound' ? [] : ['initiated', 'ringing']),
    ...(end === 'completed' ? ['in-progress'] : []),
    end,
  ];
  let sequence = 0;
  const become = async (status: string): Promise<void> => {
    if (isOver(call)) return;
    call.status = status;
    call.date_updated = rfc2822(new Date());
    if (status === 'in-progress') call.start_time = rfc2822(new Date());
    const over = status === end;
    let recorded: Resource | undefined;
    if (over) {
      endCall(state, call, outcome.duration ?? 61);
      if (recording !== undefined && end === 'completed')
        recorded = newRecording(state, call, 'OutboundAPI', String(call.duration));
    }
    const event = over ? 'completed' : EVENTS[status as keyof typeof EVENTS];
    if (told.url !== undefined && told.events.includes(event)) {
      await state.callbacks.send(told.url, callParams(call, sequence, over), told.method);
    }
    sequence += 1;
    if (recorded && recording) await state.callbacks.send(recording, recordingParams(recorded));
  };
  const next = (): void => {
    const status = steps.shift();
    if (status !== undefined)
      state.later(async () => {
        await become(status);
        next();
      });
  };
  next();
}

const OVER = new Set(['completed', 'busy', 'no-answer', 'failed', 'canceled']);

function isOver(call: Resource): boolean {
  return OVER.has(String(call.status)) && call.end_time !== null;
}

function endCall(state: State, call: Resource, seconds: number): void {
  const duration = call.status === 'completed' ? seconds : 0;
  call.duration = String(duration);
  call.end_time = rfc2822(new Date());
  call.start_time ??= call.end_time;
  state.later(() => {
    const minutes = Math.ceil(duration / 60);
    const own = (minutes * (call.direction === 'inbound' ? 0.0085 : 0.014)).toFixed(5);
    call.price = minutes === 0 ? null : `-${state.options.price?.('call', call) ?? own}`;
    call.price_unit = state.options.priceUnit ?? 'USD';
  }, state.options.priceMs ?? 20);
}

export function callParams(call: Resource, sequence: number, over: boolean): Params {
  return {
    CallSid: call.sid,
    AccountSid: String(call.account_sid),
    ApiVersion: '2010-04-01',
    CallStatus: String(call.status),
    Direction: String(call.direction),
    Called: String(call.to),
    Caller: String(call.from),
    To: String(call.to),
    From: String(call.from),
    ToCountry: 'US',
    FromCountry: 'US',
    Timestamp: new Date().toUTCString(),
    CallbackSource: 'call-progress-events',
    SequenceNumber: String(sequence),
    ...(over ? { CallDuration: String(call.duration), Duration: String(Math.ceil(Number(call.duration) / 60)) } : {}),
  };
}

/** POST Calls/{sid}.json: ends a call that is under way. */
export function updateCall(state: State, call: Resource, { form }: TwilioRequest): Resource {
  const status = form.get('Status');
  if (status === 'completed' || status === 'canceled') {
    if (isOver(call)) throw new TwilioError(400, 21220, 'Call is not in-progress. Cannot redirect.');
    call.status = status;
    endCall(state, call, Number(form.get('Duration') ?? 61));
  }
  call.date_updated = rfc2822(new Date());
  return { ...call };
}

/** POST Calls/{sid}/Recordings.json */
export function startRecording(state: State, call: Resource, { form }: TwilioRequest): Resource {
  const recording = newRecording(state, call, 'StartCallRecordingAPI', undefined);
  const url = form.get('RecordingStatusCallback');
  state.later(async () => {
    if (recording.status === 'in-progress') finishRecording(state, recording, 61);
    if (url !== null) await state.callbacks.send(url, recordingParams(recording));
  });
  return { ...recording };
}

export function newRecording(state: State, call: Resource, source: string, duration: string | undefined): Resource {
  const now = rfc2822(new Date());
  const sid = newSid('RE');
  const recording: Resource = {
    account_sid: call.account_sid,
    api_version: '2010-04-01',
    call_sid: call.sid,
    channels: 1,
    conference_sid: null,
    date_created: now,
    date_updated: now,
    duration: '-1',
    encryption_details: null,
    error_code: null,
    price: null,
    price_unit: 'USD',
    sid,
    source,
    start_time: now,
    status: 'in-progress',
    track: 'both',
    uri: `/2010-04-01/Accounts/${call.account_sid}/Calls/${call.sid}/Recordings/${sid}.json`,
  };
  state.recordings.set(sid, recording);
  if (duration !== undefined) finishRecording(state, recording, Number(duration));
  return recording;
}

export function finishRecording(state: State, recording: Resource, seconds: number): void {
  recording.status = 'completed';
  recording.duration = String(seconds);
  state.later(() => {
    const own = (Math.ceil(seconds / 60) * 0.0025).toFixed(5);
    recording.price = `-${state.options.price?.('recording', recording) ?? own}`;
    recording.price_unit = state.options.priceUnit ?? 'USD';
  }, state.options.priceMs ?? 20);
}

function recordingParams(recording: Resource): Params {
  return {
    AccountSid: String(recording.account_sid),
    CallSid: String(recording.call_sid),
    RecordingSid: recording.sid,
    RecordingUrl: `https://api.twilio.com${String(recording.uri).replace('.json', '')}`,
    RecordingStatus: String(recording.status),
    RecordingDuration: String(recording.duration),
    RecordingChannels: '1',
    RecordingStartTime: String(recording.start_time),
    RecordingSource: String(recording.source),
    RecordingTrack: 'both',
    ErrorCode: '0',
  };
}
