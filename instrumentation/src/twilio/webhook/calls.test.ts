import { describe, expect, it } from 'vitest';
import { derivedUsageId } from '../../recorder/derived-id.ts';
import { forgetCharges } from '../../recorder/open-charges.ts';
import { call, type Fields, sid } from './testing/post.ts';
import { ends, logger, made, NOON, record, recorder, TOMORROW, useRecorder, without } from './testing/recording.ts';

useRecorder();

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

  it('whose end is told before their creation has returned are updates, and theirs from then on', () => {
    record(outbound(1, { CallStatus: 'failed' }));
    made(sid('CA', 1), 'twilio_voice', 'outbound_call', { sku: '+44' });
    record(outbound(1, { CallStatus: 'failed' }));
    record(outbound(1, { CallStatus: 'failed' }));
    expect(ends()).toMatchObject([
      { update: true, version: 100, externalId: sid('CA', 1), billed: false },
      { usageId: 'id-of-creation', version: 100, externalId: sid('CA', 1), billed: false },
    ]);
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

  it('are told by their call’s callback too, which names no start: an update in another process, nothing in this one', () => {
    const told = call(1, {
      CallStatus: 'completed',
      CallDuration: '130',
      Direction: 'outbound-api',
      RecordingSid: sid('RE', 1),
      RecordingDuration: '121',
    });
    const ofRecording = () => ends().filter(({ externalId }) => externalId === sid('RE', 1));
    record(recording(1));
    record(told, TOMORROW);
    expect(ofRecording()).toHaveLength(1);
    forgetCharges();
    record(told, TOMORROW);
    record(told, TOMORROW);
    expect(ofRecording()).toMatchObject([
      { version: 100, quantity: 3 },
      { version: 100, quantity: 3, update: true },
    ]);
    expect(ofRecording()[0]?.update).toBeUndefined();
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
    expect(ends().find(({ externalId }) => externalId === sid('RE', 4))).toMatchObject({
      quantity: 1,
      version: 100,
      update: true,
    });
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
