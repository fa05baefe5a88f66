import { quote, warnOnce } from '../../log.ts';
import type { CallEnd } from '../../types.ts';
import { FINAL, type TwilioService } from '../charges.ts';
import { channelOf, destinationSku } from '../sku.ts';
import { callCreated, callEnd, isCallEnded, messageCreated, messageEnd, recordingEnd } from '../usage.ts';
import { param, type WebhookParams } from './params.ts';

/** What is known of a charge when something is reported of it: by its creation, or by the report itself. */
export interface ChargeAbout {
  readonly sku?: string | undefined;
  readonly mms?: boolean | undefined;
  readonly channel?: boolean | undefined;
  readonly test?: boolean | undefined;
}

/** What one webhook says about one charge. Holds no number, no text. */
export interface WebhookReport {
  readonly service: TwilioService;
  readonly operation: string;
  /** `usage.external_id`: SM…, MM…, CA…, RE… */
  readonly sid: string;
  /** 1 where it begins, 99 where another webhook than its status callback tells its end, 100 at its end. */
  readonly version: number;
  /**
   * Whether somebody else has recorded, or may have recorded, the charge: where this process does not know it, the
   * ledger has to find it by its sid.
   */
  readonly update: boolean;
  /** A time that whoever learns of the charge knows; absent where Twilio names none. */
  readonly since?: Date | undefined;
  /** The call that it belongs to, whose client pays where the webhook's own request names none. */
  readonly parent?: string | undefined;
  readonly about: ChargeAbout;
  /** @returns undefined where the report changes nothing of such a charge */
  readonly end: (about: ChargeAbout) => CallEnd | undefined;
}

/** Version of an end that a status callback (100), which knows more, will still replace. */
const BEFORE_FINAL = FINAL - 1;

const MESSAGE_SID = /^(?:SM|MM)[0-9a-f]{32}$/i;
const CALL_SID = /^CA[0-9a-f]{32}$/i;
const RECORDING_SID = /^RE[0-9a-f]{32}$/i;

/** States that end nothing and cost nothing of their own. */
const PASSING_MESSAGE = new Set(
  'accepted scheduled queued sending sent delivered undelivered receiving read partially_delivered'.split(' '),
);
const PASSING_CALL = new Set('queued initiated ringing in-progress answered'.split(' '));
const PASSING_RECORDING = new Set('in-progress paused stopped processing deleted'.split(' '));

/** No call and no recording is longer than a day; two hours of grace. Unit: seconds. */
const LONGEST = 26 * 3600;
/** A message of Twilio has at most 1,600 characters: 24 segments. */
const MOST_SEGMENTS = 100;
const DAY = 86_400_000;

/**
 * What a webhook of Twilio says about charges; nothing for webhooks that concern none (conference, transcription, queue
 * events, …). Never throws.
 *
 * @param params of the request, verified
 * @param now when it came
 */
export function reportsOf(params: WebhookParams, now: Date): WebhookReport[] {
  const reports = [recordingReport(params, now), dialReport(params)];
  const callSid = sidOf(params, 'CallSid', CALL_SID);
  // A recording's own callback names its call too, but says nothing of it.
  if (callSid !== undefined && param(params, 'RecordingStatus') === undefined) {
    reports.push(callReport(params, callSid, now));
  }
  const messageSid = sidOf(params, 'MessageSid', MESSAGE_SID) ?? sidOf(params, 'SmsSid', MESSAGE_SID);
  if (messageSid !== undefined) reports.push(messageReport(params, messageSid));
  return reports.filter((report) => report !== undefined);
}

function messageReport(params: WebhookParams, sid: string): WebhookReport | undefined {
  const said = param(params, 'MessageStatus') ?? param(params, 'SmsStatus');
  const status = said?.toLowerCase() ?? (params.Body !== undefined || params.NumMedia !== undefined ? 'received' : '');
  if (status === 'received') return receivedReport(params, sid);
  if (status === 'failed' || status === 'canceled') {
    const errorCode = param(params, 'ErrorCode');
    const to = param(params, 'To');
    const channel = channelOf(to);
    const mms = /^MM/i.test(sid);
    return {
      service: 'twilio_sms',
      operation: `send_${channel ?? (mms ? 'mms' : 'sms')}`,
      sid,
      version: FINAL,
      update: true,
      about: { sku: destinationSku(to, param(params, 'ToCountry')), mms, channel: channel !== undefined },
      end: (about) => messageEnd({ status, errorCode }, about),
    };
  }
  if (status !== '' && !PASSING_MESSAGE.has(status)) unknownStatus('message', status);
  return undefined;
}

function receivedReport(params: WebhookParams, sid: string): WebhookReport {
  const to = param(params, 'To');
  const numMedia = countOf(param(params, 'NumMedia')) ?? 0;
  const segments = countOf(param(params, 'NumSegments'));
  const numSegments = segments !== undefined && segments <= MOST_SEGMENTS ? String(segments) : undefined;
  const body = param(params, 'Body');
  const channel = channelOf(to);
  return {
    service: 'twilio_sms',
    operation: `receive_${channel ?? (numMedia > 0 ? 'mms' : 'sms')}`,
    sid,
    version: 1,
    update: false,
    about: {
      sku: destinationSku(to, param(params, 'ToCountry')),
      mms: numMedia > 0,
      channel: channel !== undefined,
    },
    end: (about) => messageCreated({ status: 'received', numSegments, numMedia }, { ...about, body }),
  };
}

function callReport(params: WebhookParams, sid: string, now: Date): WebhookReport | undefined {
  const said = param(params, 'CallStatus')?.toLowerCase();
  if (said === undefined) return undefined;
  const direction = param(params, 'Direction')?.toLowerCase();
  const status = said === 'cancelled' ? 'canceled' : said;
  const inbound = direction === 'inbound';
  const sku = inbound ? inboundSku(params) : destinationSku(param(params, 'To'), param(params, 'ToCountry'));
  const base = {
    service: 'twilio_voice',
    operation: inbound ? 'inbound_call' : 'outbound_call',
    sid,
    about: { sku },
  } as const;
  if (!isCallEnded(status)) {
    if (!PASSING_CALL.has(status)) unknownStatus('call', status);
    else if (inbound) {
      // Further steps of a call come while it is in progress: its first one may have gone to another process.
      return { ...base, version: 1, update: status === 'in-progress', end: ({ sku }) => callCreated(sku) };
    }
    return undefined;
  }
  if (direction === undefined) {
    warnOnce(
      'twilio-webhook:direction',
      'a status callback of a Twilio call names no Direction; only calls made here are ended by it',
    );
    return undefined;
  }
  const seconds = callSeconds(params);
  // Nobody else records a leg that <Dial> made.
  const leg = direction === 'outbound-dial' || (!inbound && param(params, 'ParentCallSid') !== undefined);
  return {
    ...base,
    // The next step after a caller has hung up says `completed` too, and no length: the status callback is to come.
    version: status === 'completed' && seconds === undefined ? BEFORE_FINAL : FINAL,
    update: !leg,
    since: leg ? timeOf(params, 'Timestamp', now) : undefined,
    parent: sidOf(params, 'ParentCallSid', CALL_SID),
    end: ({ sku }) => bounded(callEnd({ status, seconds }, { sku }), seconds, 'call'),
  };
}

/** Seconds; a callback without them has the minutes that Twilio bills as `Duration`. */
function callSeconds(params: WebhookParams): string | undefined {
  const seconds = param(params, 'CallDuration');
  if (seconds !== undefined) return seconds;
  const minutes = countOf(param(params, 'Duration'));
  return minutes === undefined ? undefined : String(minutes * 60);
}

/** Calls of apps and SIP devices come in too, at prices of their own. */
function inboundSku(params: WebhookParams): string | undefined {
  const from = destinationSku(param(params, 'From'));
  if (from === 'client' || from === 'sip') return from;
  return destinationSku(param(params, 'To') ?? param(params, 'Called'), param(params, 'ToCountry'));
}

/** The webhook after a `<Dial>` tells the parent what became of the leg. It does not say whom the leg called. */
function dialReport(params: WebhookParams): WebhookReport | undefined {
  const sid = sidOf(params, 'DialCallSid', CALL_SID);
  const said = param(params, 'DialCallStatus')?.toLowerCase();
  if (sid === undefined || said === undefined) return undefined;
  // `answered`: two calls were connected by a <Dial> that did not make them one.
  const status = said === 'answered' ? 'completed' : said;
  if (!isCallEnded(status)) {
    if (!PASSING_CALL.has(status)) unknownStatus('call', status);
    return undefined;
  }
  const seconds = param(params, 'DialCallDuration');
  return {
    service: 'twilio_voice',
    operation: 'outbound_call',
    sid,
    version: BEFORE_FINAL,
    update: true,
    parent: sidOf(params, 'CallSid', CALL_SID),
    about: {},
    end: ({ sku }) => {
      const end = bounded(callEnd({ status, seconds }, { sku }), seconds, 'call');
      if (end === undefined || sku !== undefined || end.billed === false || end.unpricedReason !== undefined)
        return end;
      return { ...end, unpricedReason: 'whom the leg called is known from its own status callback alone' };
    },
  };
}

function recordingReport(params: WebhookParams, now: Date): WebhookReport | undefined {
  const sid = sidOf(params, 'RecordingSid', RECORDING_SID);
  const seconds = param(params, 'RecordingDuration');
  const said = param(params, 'RecordingStatus')?.toLowerCase();
  // The webhook after a <Record> says how long it was, and no status.
  const status = said ?? (seconds === undefined ? undefined : 'completed');
  if (sid === undefined || status === undefined) return undefined;
  if (recordingEnd({ status }) === undefined) {
    if (!PASSING_RECORDING.has(status)) unknownStatus('recording', status);
    return undefined;
  }
  const startedByApi = /^Start.*API$/i.test(param(params, 'RecordingSource') ?? '');
  const since = timeOf(params, 'RecordingStartTime', now);
  return {
    service: 'twilio_voice',
    operation: 'recording',
    sid,
    version: FINAL,
    // One that was begun by a REST call has been recorded by whoever made that call. Where no start is named (the call's own callback,
    // the step after a <Record>) the recording's callback may be told to another process, on another day: not the same id.
    update: startedByApi || status !== 'completed' || since === undefined,
    since,
    parent: sidOf(params, 'CallSid', CALL_SID),
    about: {},
    end: () => bounded(recordingEnd({ status, seconds }), seconds, 'recording'),
  };
}

/** A length that nothing can have is not priced. */
function bounded(end: CallEnd | undefined, seconds: string | undefined, what: string): CallEnd | undefined {
  if (end === undefined || seconds === undefined || !(Number(seconds) > LONGEST) || end.billed === false) return end;
  const unpricedReason = `the ${what}'s duration is longer than any ${what}`;
  return { ...end, quantity: 0, unpricedReason, raw: seconds.slice(0, 100) };
}

function sidOf(params: WebhookParams, name: string, form: RegExp): string | undefined {
  const value = param(params, name);
  return value !== undefined && form.test(value) ? value : undefined;
}

function countOf(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}

/** A time of Twilio (RFC 2822), where it is one that can be: up to 40 days ago. */
function timeOf(params: WebhookParams, name: string, now: Date): Date | undefined {
  const millis = Date.parse(param(params, name) ?? '');
  return millis > now.getTime() - 40 * DAY && millis < now.getTime() + DAY ? new Date(millis) : undefined;
}

function unknownStatus(what: string, status: string): void {
  warnOnce(
    `twilio-webhook:status:${what}`,
    `Twilio reports a ${what} with the status ${quote(status)}, which is not known; ignored`,
  );
}
