import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derivedUsageId } from '../../recorder/derived-id.ts';
import { forgetCharges } from '../../recorder/open-charges.ts';
import type { CallEnd } from '../../types.ts';
import { call, type Fields, sid, sms } from './testing/post.ts';
import { ends, logger, made, NOON, record, recorder, TOMORROW, useRecorder, without } from './testing/recording.ts';

useRecorder();

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
