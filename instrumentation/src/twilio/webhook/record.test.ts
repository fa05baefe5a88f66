import { diag } from '@opentelemetry/api';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { forgetWarnings } from '../../log.ts';
import { RecorderDouble } from '../../openai/testing/recorder.ts';
import { derivedUsageId } from '../../recorder/derived-id.ts';
import { setRecorder } from '../../recorder/index.ts';
import { forgetCharges, rememberCharge } from '../../recorder/open-charges.ts';
import type { CallEnd } from '../../types.ts';
import { parseForm } from './params.ts';
import { recordWebhook } from './record.ts';
import { call, encode, type Fields, sid, sms } from './testing/post.ts';

const recorder = new RecorderDouble();
const logger = { error: vi.fn(), warn: vi.fn(), info() {}, debug() {}, verbose() {} };
const NOON = new Date('2026-11-22T12:00:00Z');
const TOMORROW = new Date('2026-11-23T12:00:00Z');

beforeEach(() => {
  setRecorder(recorder);
  diag.setLogger(logger, { suppressOverrideMessage: true });
});
afterEach(() => {
  recorder.clear();
  setRecorder(undefined);
  forgetCharges();
  forgetWarnings();
  diag.disable();
  vi.clearAllMocks();
});

/** Through the form's text, as it comes. */
const record = (fields: Fields, at = NOON, clientId = 'acme') =>
  recordWebhook(parseForm(encode(fields)), at, { clientId });
const ends = (): CallEnd[] => recorder.calls.map(({ end }) => end);
const without = (fields: Fields, ...names: string[]): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));

const made = (name: string, service: string, operation: string, more = {}) =>
  rememberCharge(`twilio:${name}`, {
    usageId: 'id-of-creation',
    version: 1,
    scope: { clientId: 'creator' },
    at: new Date('2026-11-21T09:00:00Z'),
    service,
    operation,
    ...more,
  } as never);

describe('messages that come in', () => {
  it.each<[string, Fields, string, Partial<CallEnd>]>([
    ['SMS', sms(1, { NumSegments: '3' }), 'receive_sms', { unit: 'segment', quantity: 3, sku: 'us_ca' }],
    ['MMS', sms(1, { NumMedia: '2', MediaUrl0: 'x' }), 'receive_mms', { unit: 'message', quantity: 1 }],
    ['toll-free', sms(1, { To: '+18005550100' }), 'receive_sms', { sku: 'us_ca_toll_free', quantity: 1 }],
    ['abroad', sms(1, { To: '+447700900000', ToCountry: 'GB' }), 'receive_sms', { sku: '+44', quantity: 1 }],
    ['short code', sms(1, { To: '12345' }), 'receive_sms', { sku: 'us_ca_short_code' }],
    [
      'WhatsApp',
      sms(1, { To: 'whatsapp:+14155550100' }),
      'receive_whatsapp',
      { sku: 'whatsapp', unit: 'message', quantity: 1 },
    ],
    ['no status', without(sms(1), 'SmsStatus'), 'receive_sms', { quantity: 1 }],
    [
      'no NumSegments',
      without(sms(1, { Body: 'x'.repeat(161) }), 'NumSegments'),
      'receive_sms',
      { quantity: 2, estimated: true },
    ],
    [
      'UCS-2',
      without(sms(1, { Body: '😀'.repeat(36) }), 'NumSegments'),
      'receive_sms',
      { quantity: 2, estimated: true },
    ],
    ['garbage', sms(1, { NumSegments: 'many', NumMedia: 'none' }), 'receive_sms', { quantity: 1, estimated: true }],
    ['zero', sms(1, { NumSegments: '0' }), 'receive_sms', { quantity: 1, estimated: true }],
    ['negative', sms(1, { NumSegments: '-4', NumMedia: '-1' }), 'receive_sms', { quantity: 1, estimated: true }],
    ['absurd', sms(1, { NumSegments: '999999' }), 'receive_sms', { quantity: 1, estimated: true }],
    [
      'polluted',
      sms(1, { NumSegments: ['1', '9'], NumMedia: ['0', '3'] }),
      'receive_sms',
      { quantity: 1, estimated: true },
    ],
    ['nothing to count', without(sms(1), 'NumSegments', 'Body'), 'receive_sms', { unpricedReason: expect.any(String) }],
    ['no To', without(sms(1), 'To'), 'receive_sms', { quantity: 1, sku: undefined }],
  ])('%s', (_name, fields, operation, end) => {
    record(fields);
    expect(recorder.calls).toHaveLength(1);
    expect(recorder.last.start).toMatchObject({
      service: 'twilio_sms',
      operation,
      scope: { clientId: 'acme' },
      startTime: NOON,
    });
    const usageId = derivedUsageId(`twilio_sms:${sid('SM', 1)}`, NOON);
    expect(recorder.last.end).toMatchObject({ ...end, usageId, version: 1, externalId: sid('SM', 1), endTime: NOON });
    expect(recorder.last.end.update).toBeUndefined();
  });

  it('are one charge, delivered twice, a day later, or by another process on the same day', () => {
    record(sms(1));
    record(sms(1), TOMORROW, 'other');
    expect(recorder.calls).toHaveLength(1);
    forgetCharges();
    record(sms(1));
    const [first, second] = ends();
    expect(second?.usageId).toBe(first?.usageId);
  });

  it('is none without a sid, with another thing’s, or with two', () => {
    for (const MessageSid of [
      '',
      'SM1',
      'IM00000000000000000000000000000001',
      ['a', 'b'],
      [sid('SM', 1), sid('SM', 2)],
    ]) {
      record({ ...without(sms(1), 'SmsSid', 'SmsMessageSid'), MessageSid });
    }
    expect(recorder.calls).toEqual([]);
  });
});

describe('states of messages that were sent', () => {
  const state = (MessageStatus: string, more: Fields = {}): Fields => ({
    ...without(sms(2, { To: '+14155550123' }), 'Body', 'NumSegments', 'NumMedia'),
    SmsStatus: MessageStatus,
    MessageStatus,
    ...more,
  });

  it.each('accepted scheduled queued sending sent delivered undelivered read receiving partially_delivered'.split(' '))(
    '%s changes nothing',
    (status) => {
      record(state(status));
      made(sid('SM', 2), 'twilio_sms', 'send_sms', { sku: 'us_ca' });
      record(state(status));
      expect(recorder.calls).toEqual([]);
      expect(logger.warn).not.toHaveBeenCalled();
    },
  );

  it('failed costs the fee: under the id, client and time of a charge of this process', () => {
    made(sid('SM', 2), 'twilio_sms', 'send_sms', { sku: 'us_ca' });
    record(state('failed', { ErrorCode: '30008' }), TOMORROW);
    record(state('failed', { ErrorCode: '30008' }), TOMORROW);
    expect(recorder.calls).toHaveLength(1);
    const { start, end } = recorder.last;
    expect(start).toMatchObject({ operation: 'send_sms', scope: { clientId: 'creator' } });
    expect(end).toMatchObject({
      usageId: 'id-of-creation',
      version: 100,
      outcome: 'error',
      errorType: '30008',
      sku: 'failed',
    });
    expect(end).toMatchObject({ unit: 'message', quantity: 1, endTime: new Date('2026-11-21T09:00:00Z') });
    expect(end.update).toBeUndefined();
  });

  it('failed and canceled are updates where another process sent it; MM… is an MMS', () => {
    record(state('failed'));
    record(state('failed'));
    record({ ...state('canceled'), MessageSid: sid('MM', 3) });
    expect(ends()).toMatchObject([
      { update: true, version: 100, sku: 'failed', errorType: 'failed', externalId: sid('SM', 2) },
      { update: true, version: 100, quantity: 0, billed: false, outcome: 'aborted', externalId: sid('MM', 3) },
    ]);
    expect(recorder.started.map(({ operation }) => operation)).toEqual(['send_sms', 'send_mms']);
  });

  it('an unknown one is ignored, with one warning', () => {
    record(state('teleported'));
    record(state('vanished'));
    expect(recorder.calls).toEqual([]);
    expect(logger.warn).toHaveBeenCalledTimes(1);
    expect(logger.warn.mock.calls[0]?.join(' ')).toContain('"teleported"');
  });
});

describe('calls', () => {
  const ended = (n: number, more: Fields = {}): Fields =>
    call(n, { CallStatus: 'completed', CallDuration: '61', Duration: '2', ...more });
  const outbound = (n: number, more: Fields = {}): Fields =>
    ended(n, { Direction: 'outbound-api', To: '+442079460000', ToCountry: 'GB', ...more });

  it('that come in: known at the first webhook, never twice by further steps, priced at the end', () => {
    record(call(1));
    record(call(1, { CallStatus: 'in-progress', Digits: '1' }), NOON, 'of another step');
    record(call(1, { CallStatus: 'in-progress', msg: 'Gather End' }));
    record(ended(1), TOMORROW, 'of the callback');
    record(ended(1), TOMORROW);
    record(call(1, { CallStatus: 'in-progress' }));
    const usageId = derivedUsageId(`twilio_voice:${sid('CA', 1)}`, NOON);
    const common = { usageId, externalId: sid('CA', 1), unit: 'minute', sku: 'us_ca', endTime: NOON, outcome: 'ok' };
    expect(ends()).toMatchObject([
      { ...common, version: 1, quantity: 0, unpricedReason: expect.any(String) },
      { ...common, version: 100, quantity: 2 },
    ]);
    expect(recorder.started.map((start) => start.scope?.clientId)).toEqual(['acme', 'acme']);
    expect(recorder.started.map((start) => start.operation)).toEqual(['inbound_call', 'inbound_call']);
  });

  it('whose first webhook another process had are updates', () => {
    record(call(1, { CallStatus: 'in-progress' }));
    record(call(1, { CallStatus: 'in-progress' }));
    record(ended(1));
    record(ended(1));
    expect(ends()).toMatchObject([
      { update: true, version: 1, externalId: sid('CA', 1) },
      { update: true, version: 100, quantity: 2 },
    ]);
    expect(ends()[0]?.usageId).toBe(ends()[1]?.usageId);
  });

  it.each([
    ['1', 1],
    ['59', 1],
    ['60', 1],
    ['61', 2],
    ['3600', 60],
    ['86400', 1440],
    ['0', 0],
  ])('%s seconds are %s minutes', (CallDuration, quantity) => {
    record(outbound(1, { CallDuration }));
    expect(recorder.last.end).toMatchObject({ quantity, unit: 'minute', sku: '+44' });
    expect(recorder.last.end.unpricedReason).toBeUndefined();
  });

  it.each(['-1', 'NaN', 'Infinity', '1e999', '99999999', '0x', '12 minutes'])(
    'a length of %s is not priced, and said',
    (CallDuration) => {
      record(outbound(1, { CallDuration }));
      expect(recorder.last.end).toMatchObject({
        quantity: 0,
        unpricedReason: expect.stringContaining('duration'),
        raw: CallDuration,
      });
    },
  );

  it('without seconds have minutes; without either they wait for the callback that has', () => {
    record(without(outbound(1), 'CallDuration'));
    expect(recorder.last.end).toMatchObject({ quantity: 2, version: 100 });
    // The caller has hung up, and <Dial> asks for its next step.
    record(call(2));
    record(call(2, { CallStatus: 'completed' }));
    record(ended(2));
    expect(ends().slice(1)).toMatchObject([
      { version: 1 },
      { version: 99, unpricedReason: expect.any(String) },
      { version: 100, quantity: 2 },
    ]);
  });

  it.each(['busy', 'no-answer', 'failed', 'canceled'])('%s costs nothing', (CallStatus) => {
    record(outbound(1, { CallStatus, CallDuration: '0' }));
    expect(recorder.last.end).toMatchObject({ quantity: 0, billed: false, version: 100, update: true });
  });

  it('that this process made are ended under their id', () => {
    made(sid('CA', 1), 'twilio_voice', 'outbound_call', { sku: '+44' });
    for (const CallStatus of ['queued', 'initiated', 'ringing', 'in-progress']) record(outbound(1, { CallStatus }));
    expect(recorder.calls).toEqual([]);
    record(outbound(1, { CallStatus: 'completed' }));
    expect(recorder.last.end).toMatchObject({ usageId: 'id-of-creation', version: 100, quantity: 2, sku: '+44' });
    expect(recorder.last.start.scope).toEqual({ clientId: 'creator' });
  });

  it('that <Dial> made are charges of their own: by their callback, whose time gives the id', () => {
    const leg = outbound(7, {
      Direction: 'outbound-dial',
      ParentCallSid: sid('CA', 1),
      Timestamp: 'Sat, 21 Nov 2026 23:59:50 +0000',
    });
    record(leg);
    forgetCharges();
    record(leg, TOMORROW);
    const usageId = derivedUsageId(`twilio_voice:${sid('CA', 7)}`, new Date('2026-11-21T23:59:50Z'));
    expect(ends()).toMatchObject([
      { usageId, version: 100, quantity: 2, sku: '+44' },
      { usageId, version: 100, quantity: 2 },
    ]);
    expect(ends()[0]?.update).toBeUndefined();
    expect(recorder.last.start.operation).toBe('outbound_call');
  });

  it('that <Dial> made are told by the parent’s next step too, which knows less and never wins', () => {
    record(
      call(1, {
        CallStatus: 'in-progress',
        DialCallSid: sid('CA', 8),
        DialCallStatus: 'completed',
        DialCallDuration: '30',
      }),
    );
    const [leg] = recorder.calls.filter(({ end }) => end.externalId === sid('CA', 8));
    expect(leg?.start.operation).toBe('outbound_call');
    expect(leg?.end).toMatchObject({ version: 99, update: true, quantity: 1, unpricedReason: expect.any(String) });
    recorder.clear();
    record(outbound(9, { Direction: 'outbound-dial', ParentCallSid: sid('CA', 1) }));
    record(
      call(1, {
        CallStatus: 'in-progress',
        DialCallSid: sid('CA', 9),
        DialCallStatus: 'completed',
        DialCallDuration: '61',
      }),
    );
    expect(ends()).toHaveLength(1);
  });

  it('from an app or a SIP device have a price class of their own', () => {
    record(call(1, { From: 'client:alice', To: '' }));
    record(call(2, { From: 'sip:alice@example.com' }));
    expect(ends().map(({ sku }) => sku)).toEqual(['client', 'sip']);
  });

  it('unknown states are ignored with one warning, missing directions too', () => {
    record(call(1, { CallStatus: 'levitating' }));
    record(outbound(2, { CallStatus: 'hovering' }));
    record(without(ended(3), 'Direction'));
    record(without(call(4), 'CallStatus'));
    expect(recorder.calls).toEqual([]);
    expect(logger.warn).toHaveBeenCalledTimes(2);
  });
});

describe('recordings', () => {
  const recording = (n: number, more: Fields = {}): Fields => ({
    AccountSid: sid('AC', 1),
    CallSid: sid('CA', 1),
    RecordingSid: sid('RE', n),
    RecordingUrl: 'https://api.twilio.com/x',
    RecordingStatus: 'completed',
    RecordingDuration: '121',
    RecordingChannels: '1',
    RecordingSource: 'OutboundAPI',
    RecordingStartTime: 'Sat, 21 Nov 2026 23:00:00 +0000',
    ...more,
  });

  it('are charges of their own in started minutes, on the day they began', () => {
    record(recording(1));
    record(recording(1), TOMORROW);
    expect(ends()).toHaveLength(1);
    expect(recorder.last.start).toMatchObject({ service: 'twilio_voice', operation: 'recording' });
    const usageId = derivedUsageId(`twilio_voice:${sid('RE', 1)}`, new Date('2026-11-21T23:00:00Z'));
    expect(recorder.last.end).toMatchObject({
      usageId,
      version: 100,
      quantity: 3,
      unit: 'minute',
      externalId: sid('RE', 1),
    });
  });

  it('that a REST call began are updates, or end what this process began', () => {
    record(recording(2, { RecordingSource: 'StartCallRecordingAPI' }));
    expect(recorder.last.end).toMatchObject({ update: true, version: 100, quantity: 3 });
    made(sid('RE', 3), 'twilio_voice', 'recording');
    record(recording(3, { RecordingSource: 'StartCallRecordingAPI' }));
    expect(recorder.last.end).toMatchObject({ usageId: 'id-of-creation', version: 100, quantity: 3 });
  });

  it('of <Record> are told by its next step; absent and failed ones cost nothing; others change nothing', () => {
    record({ ...call(1, { CallStatus: 'in-progress' }), RecordingSid: sid('RE', 4), RecordingDuration: '5' });
    expect(ends().find(({ externalId }) => externalId === sid('RE', 4))).toMatchObject({ quantity: 1, version: 100 });
    recorder.clear();
    record(recording(5, { RecordingStatus: 'absent', RecordingDuration: '-1' }));
    expect(recorder.last.end).toMatchObject({ quantity: 0, billed: false, update: true });
    recorder.clear();
    record(recording(6, { RecordingStatus: 'in-progress', RecordingDuration: '-1' }));
    record({
      TranscriptionSid: sid('TR', 1),
      RecordingSid: sid('RE', 7),
      CallSid: sid('CA', 1),
      TranscriptionStatus: 'completed',
    });
    expect(recorder.calls).toEqual([]);
    expect(logger.warn).not.toHaveBeenCalled();
    record(recording(8, { RecordingStatus: 'dissolved' }));
    expect(logger.warn).toHaveBeenCalledTimes(1);
  });

  it.each(['-5', 'x', '1e12'])('with a length of %s are not priced', (RecordingDuration) => {
    record(recording(9, { RecordingDuration }));
    expect(recorder.last.end).toMatchObject({
      quantity: 0,
      unpricedReason: expect.any(String),
      raw: RecordingDuration,
    });
  });
});

it('webhooks about anything else are nobody’s charge', () => {
  record({ ConferenceSid: sid('CF', 1), CallSid: sid('CA', 1), StatusCallbackEvent: 'participant-join' });
  record({ StreamSid: sid('MZ', 1), CallSid: sid('CA', 1), StreamEvent: 'stream-started' });
  record({ EventType: 'onMessageAdded', MessageSid: sid('IM', 1), Body: 'x' });
  record({ CallSid: sid('CA', 1), AnsweredBy: 'human', MachineDetectionDuration: '2500' });
  record({});
  expect(recorder.calls).toEqual([]);
  expect(logger.warn).not.toHaveBeenCalled();
});

it('any parameters are taken without a throw, and none of a person is recorded', () => {
  const names = [
    ...Object.keys(sms(1)),
    ...Object.keys(call(1)),
    'CallDuration',
    'Duration',
    'DialCallSid',
    'DialCallStatus',
    'ParentCallSid',
    'RecordingSid',
    'RecordingStatus',
    'RecordingDuration',
    'Timestamp',
    '__proto__',
  ];
  const value = fc.oneof(
    fc.constantFrom(
      sid('SM', 1),
      sid('CA', 1),
      sid('RE', 1),
      'completed',
      'received',
      'failed',
      'inbound',
      'outbound-dial',
      '-1',
      '1e400',
      '',
    ),
    fc.string({ unit: 'binary' }),
    fc.array(fc.string(), { maxLength: 3 }),
  );
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), value), (fields) => {
      record({ ...fields, From: '+14155550199', Body: 'secret words' });
    }),
    { numRuns: 2000 },
  );
  expect(recorder.calls.length).toBeGreaterThan(0);
  expect(JSON.stringify(recorder.calls)).not.toMatch(/4155550199|secret words/);
  expect(logger.warn.mock.calls.filter((each) => each.join(' ').includes('could not be recorded'))).toEqual([]);
});
