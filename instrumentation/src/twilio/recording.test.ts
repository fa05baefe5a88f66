import { createRequire } from 'node:module';
import { context, propagation } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  createTwilioStandIn,
  type TwilioFailure,
  type TwilioStandIn,
} from '../../../examples/src/stand-ins/twilio/index.ts';
import { usageContext, withClient } from '../attribution/index.ts';
import { setRecorder } from '../recorder/index.ts';
import { forgetCharges } from '../recorder/open-charges.ts';
import { numberMonthId } from './creation.ts';
import { TwilioInstrumentation } from './index.ts';
import { TwilioRecorder } from './testing/recorder.ts';
import { recordWebhook } from './webhook/record.ts';

// biome-ignore lint/suspicious/noExplicitAny: the package as JavaScript has it.
type Any = any;

const to = '+14155551234';
const from = '+14155550000';
const service = { to, messagingServiceSid: `MG${'0'.repeat(32)}` };
const recorder = new TwilioRecorder();
let instrumentation: TwilioInstrumentation;
let twilio: Any;
let standIn: TwilioStandIn;
let failure: TwilioFailure | undefined;

beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  instrumentation = new TwilioInstrumentation();
  twilio = createRequire(__filename)('twilio');
  standIn = await createTwilioStandIn({
    stepMs: Number.POSITIVE_INFINITY,
    priceMs: Number.POSITIVE_INFINITY,
    subaccounts: { [`AC${'c'.repeat(32)}`]: 'sub' },
    failures: () => failure,
  });
});
afterAll(async () => {
  instrumentation.disable();
  await standIn.close();
  context.disable();
});
beforeEach(() => {
  setRecorder(recorder);
  recorder.clear();
  forgetCharges();
});
afterEach(() => {
  failure = undefined;
  setRecorder(undefined);
});

function client(options: object = {}): Any {
  const made = twilio(standIn.accountSid, standIn.authToken, options);
  made.api.baseUrl = standIn.url;
  return made;
}

const only = () => {
  expect(recorder.calls).toHaveLength(1);
  return recorder.last;
};

describe('messages', () => {
  test('an SMS: all that is recorded, and nothing of what it says or to whom', async () => {
    const message = await withClient('acme', () => client().messages.create({ to, from, body: 'x'.repeat(161) }));
    const { start, end } = only();
    expect(start).toEqual({
      service: 'twilio_sms',
      operation: 'send_sms',
      spanName: 'twilio_sms send_sms',
      scope: expect.objectContaining({ clientId: 'acme' }),
      attributes: { 'server.address': '127.0.0.1', 'server.port': standIn.port },
    });
    expect(end).toEqual({
      outcome: 'ok',
      sku: 'us_ca',
      unit: 'segment',
      quantity: 2,
      externalId: message.sid,
      attributes: { 'http.response.status_code': 201 },
    });
    expect(JSON.stringify([start, end])).not.toMatch(/4155551234|4155550000|xx/);
  });

  test.each([
    ['mediaUrl', { mediaUrl: ['https://x.example/1.jpg'] }, 'send_mms', 'message', 1],
    ['sendAsMms', { sendAsMms: true, body: 'long' }, 'send_mms', 'message', 1],
    ['no media', { mediaUrl: [], body: 'x' }, 'send_sms', 'segment', 1],
  ])('%s', async (_name, more, operation, unit, quantity) => {
    await client().messages.create({ to, from, ...more });
    expect(only().start.operation).toBe(operation);
    expect(only().end).toMatchObject({ unit, quantity, sku: 'us_ca' });
  });

  test('through a Messaging Service: counted here', async () => {
    await client().messages.create({ ...service, body: 'я'.repeat(71) });
    expect(only().end).toMatchObject({ quantity: 2, estimated: true });
    recorder.clear();
    await client().messages.create({ ...service, contentSid: 'HX1' });
    expect(only().end).toMatchObject({ quantity: 1, unpricedReason: expect.any(String) });
  });

  test.each([
    ['whatsapp:+14155551234', 'send_whatsapp', 'whatsapp'],
    ['rcs:+14155551234', 'send_rcs', 'rcs'],
    ['pager:5', 'send_channel', 'channel'],
  ])('%s is never an SMS', async (address, operation, sku) => {
    await client().messages.create({ to: address, from: 'whatsapp:+14155550000', body: 'x' });
    expect(only().start.operation).toBe(operation);
    expect(only().end).toMatchObject({ sku, unit: 'message', quantity: 1 });
  });

  test('to another country has that one’s class', async () => {
    await client().messages.create({ to: '+447700900000', from, body: 'x' });
    expect(only().end).toMatchObject({ sku: '+44', unit: 'segment' });
  });

  test('test numbers cost nothing', async () => {
    await client().messages.create({ to, from: '+15005550006', body: 'x' });
    expect(only().end).toMatchObject({ billed: false, quantity: 1 });
  });

  test('usageContext names the operation, also of what is reported later', async () => {
    const api = client();
    const message = await usageContext({ operation: 'reminder' }, () => api.messages.create({ ...service, body: 'x' }));
    await standIn.advance();
    await api.messages(message.sid).fetch();
    expect(recorder.calls.map(({ start }) => start.scope?.operation)).toEqual(['reminder', 'reminder']);
  });

  test('what Twilio says later becomes the next version: segments and price of a Messaging Service', async () => {
    const api = client();
    const message = await withClient('acme', () => api.messages.create({ ...service, body: 'я'.repeat(71) }));
    await api.messages(message.sid).fetch();
    expect(recorder.calls).toHaveLength(1);
    await standIn.advance();
    await withClient('someone else', () => api.messages(message.sid).fetch());
    await api.messages(message.sid).fetch();
    expect(recorder.calls).toHaveLength(2);
    const { start, end } = recorder.last;
    expect(start).toMatchObject({ scope: { clientId: 'acme' }, operation: 'send_sms' });
    expect(end).toMatchObject({
      usageId: recorder.calls[0]?.id,
      version: 101,
      quantity: 2,
      cost: '0.02260',
      costCurrency: 'USD',
      externalId: message.sid,
    });
    expect(end).not.toHaveProperty('estimated');
    expect(end.endTime).toEqual(start.startTime);
  });

  test('scheduled and cancelled: nothing is billed', async () => {
    const api = client();
    const sendAt = new Date(Date.now() + 3_600_000);
    const message = await api.messages.create({ ...service, body: 'x', scheduleType: 'fixed', sendAt });
    expect(only().end).toMatchObject({ quantity: 1, estimated: true });
    await api.messages(message.sid).update({ status: 'canceled' });
    expect(recorder.calls).toHaveLength(2);
    expect(recorder.last.end).toMatchObject({
      usageId: recorder.calls[0]?.id,
      version: 100,
      billed: false,
      quantity: 0,
    });
  });

  test('cancelled by another process: the ledger finds the charge', async () => {
    const api = client();
    const sendAt = new Date(Date.now() + 3_600_000);
    const message = await api.messages.create({ ...service, body: 'x', scheduleType: 'fixed', sendAt });
    forgetCharges();
    await api.messages(message.sid).update({ status: 'canceled' });
    expect(recorder.calls).toHaveLength(2);
    expect(recorder.last.end).toEqual({
      outcome: 'aborted',
      sku: 'us_ca',
      unit: 'segment',
      quantity: 0,
      billed: false,
      externalId: message.sid,
      version: 100,
      update: true,
    });
    await expect(api.messages(message.sid).update({ status: 'canceled' })).rejects.toThrow();
    expect(recorder.calls).toHaveLength(2);
  });

  test('lists report too', async () => {
    const api = client();
    const message = await api.messages.create({ ...service, body: 'x' });
    standIn.messages.get(message.sid)!.status = 'failed';
    standIn.messages.get(message.sid)!.error_code = 30003;
    await api.messages.list({ limit: 5 });
    expect(recorder.last.end).toMatchObject({
      sku: 'failed',
      errorType: '30003',
      version: 100,
      externalId: message.sid,
    });
  });
});

describe('what fails', () => {
  const send = (options: object = {}) => client(options).messages.create({ to, from, body: 'x' });
  const failed = async (work: () => Promise<unknown>) => {
    await expect(work()).rejects.toThrow();
    return only().end;
  };

  test('refused by Twilio: not billed', async () => {
    const end = await failed(() => client().messages.create({ to: '+15005550001', from, body: 'x' }));
    expect(end).toMatchObject({
      outcome: 'error',
      errorType: '21211',
      billed: false,
      attributes: { 'http.response.status_code': 400 },
    });
  });

  test.each([
    ['429', { status: 429 }, { errorType: '20429', billed: false }],
    ['Twilio’s own 500', { status: 500 }, { errorType: '20500', billed: false }],
    ['a gateway’s 502', { status: 502, body: '<html>' }, { errorType: '502', unpricedReason: expect.any(String) }],
    ['a redirect', { status: 302, body: '' }, { errorType: '302', billed: false }],
    ['reset', { reset: true }, { errorType: 'ECONNRESET', unpricedReason: expect.any(String) }],
  ] as const)('%s', async (_name, how, expected) => {
    failure = how;
    expect(await failed(() => send())).toMatchObject({ outcome: 'error', ...expected });
  });

  test('a time-out: whether it was sent is not known', async () => {
    failure = { hang: true };
    const end = await failed(() => send({ timeout: 50 }));
    expect(end).toMatchObject({ errorType: 'ECONNABORTED', unpricedReason: expect.any(String) });
  });

  test('nobody there: not billed', async () => {
    const api = client();
    api.api.baseUrl = 'http://127.0.0.1:1';
    expect(await failed(() => api.messages.create({ to, from, body: 'x' }))).toMatchObject({
      errorType: 'ECONNREFUSED',
      billed: false,
    });
  });

  test('an answer without a sid, or no answer at all, is recorded unpriced', async () => {
    const answers = [
      { statusCode: 201, body: { odd: true } },
      { statusCode: 201, body: 'not JSON' },
      {},
      undefined,
      null,
      5,
    ];
    for (const answer of answers) {
      recorder.clear();
      const request = { method: 'post', uri: `${standIn.url}/2010-04-01/Accounts/AC1/Messages.json`, data: { To: to } };
      expect(await client({ httpClient: { request: async () => answer } }).request(request)).toBe(answer);
      expect(only().end).toMatchObject({ unpricedReason: expect.stringContaining('sid') });
    }
  });

  test('hostile answers reach the caller as they are', async () => {
    const hostile = {
      statusCode: 201,
      fail(): never {
        throw new Error('boom');
      },
      get body(): never {
        return this.fail();
      },
    };
    const request = { method: 'post', uri: `${standIn.url}/2010-04-01/Accounts/AC1/Messages.json`, data: null };
    expect(await client({ httpClient: { request: async () => hostile } }).request(request)).toBe(hostile);
    expect(only().end).toMatchObject({ outcome: 'ok', unpricedReason: 'the answer could not be read' });
    recorder.clear();
    const inside = { statusCode: 201, body: Object.defineProperty({ sid: 'SM1' }, 'status', { get: hostile.fail }) };
    expect(await client({ httpClient: { request: async () => inside } }).request(request)).toBe(inside);
    expect(only().end).toMatchObject({ outcome: 'ok', unpricedReason: 'the answer could not be read' });
  });
});

describe('calls and recordings', () => {
  test('a call: known at once, its price with its end', async () => {
    const api = client();
    const call = await withClient('acme', () => api.calls.create({ to, from, twiml: '<Response/>' }));
    expect(only()).toMatchObject({
      start: { service: 'twilio_voice', operation: 'outbound_call' },
      end: {
        sku: 'us_ca',
        unit: 'minute',
        quantity: 0,
        unpricedReason: 'the call has not ended',
        externalId: call.sid,
      },
    });
    await api.calls(call.sid).fetch();
    expect(recorder.calls).toHaveLength(1);
    const state = standIn.calls.get(call.sid)!;
    Object.assign(state, { status: 'completed', duration: '61', end_time: 'x' });
    await api.calls(call.sid).fetch();
    expect(recorder.last).toMatchObject({
      start: { scope: { clientId: 'acme' } },
      end: { usageId: recorder.calls[0]?.id, version: 100, quantity: 2, unit: 'minute', sku: 'us_ca' },
    });
    await api.calls(call.sid).fetch();
    expect(recorder.calls).toHaveLength(2);
    state.price = '-0.02800';
    await api.calls.list({ limit: 3 });
    await api.calls(call.sid).fetch();
    expect(recorder.calls).toHaveLength(3);
    expect(recorder.last.end).toMatchObject({ version: 101, cost: '0.02800', quantity: 2 });
  });

  test('ended, and its length not known yet: the status callback that has it ends the charge', async () => {
    const api = client();
    const call = await api.calls.create({ to, from, twiml: '<Response/>' });
    Object.assign(standIn.calls.get(call.sid)!, { status: 'completed', duration: null });
    await api.calls(call.sid).fetch();
    const recording = await api.calls(call.sid).recordings.create();
    Object.assign(standIn.recordings.get(recording.sid)!, { status: 'completed', duration: '-1' });
    await api.recordings(recording.sid).fetch();
    expect(recorder.calls).toHaveLength(2);
    const ended = { CallSid: call.sid, CallStatus: 'completed', CallDuration: '130', Direction: 'outbound-api' };
    recordWebhook(ended, new Date(), {});
    expect(recorder.last.end).toMatchObject({ externalId: call.sid, version: 100, quantity: 3 });
    const recorded = { RecordingSid: recording.sid, RecordingStatus: 'completed', RecordingDuration: '61' };
    recordWebhook(recorded, new Date(), {});
    expect(recorder.last.end).toMatchObject({ externalId: recording.sid, version: 100, quantity: 2 });
    expect(recorder.calls).toHaveLength(4);
  });

  describe('into a conference', () => {
    const callSid = `CA${'7'.repeat(32)}`;
    const conference = `CF${'1'.repeat(32)}`;
    const ended = { CallSid: callSid, CallStatus: 'completed', CallDuration: '61', Direction: 'outbound-api' };
    // As Twilio answers: the participant's sid is its call's, and its number is not said.
    const participant = { account_sid: 'AC1', call_sid: callSid, conference_sid: conference, status: 'queued' };
    const answering = (statusCode: number, body: object) =>
      client({ httpClient: { request: async () => ({ statusCode, body }) } }).conferences(conference);
    const add = (statusCode = 201, body: object = participant) =>
      withClient('acme', () => answering(statusCode, body).participants.create({ to, from }));

    test('a call like any other, ended by its callback', async () => {
      expect((await add()).callSid).toBe(callSid);
      expect(only()).toMatchObject({
        start: { service: 'twilio_voice', operation: 'outbound_call', scope: { clientId: 'acme' } },
        end: { sku: 'us_ca', unit: 'minute', quantity: 0, externalId: callSid, outcome: 'ok' },
      });
      recordWebhook({ ...ended, To: to }, new Date(), {});
      expect(recorder.last).toMatchObject({
        start: { scope: { clientId: 'acme' } },
        end: { usageId: recorder.calls[0]?.id, version: 100, quantity: 2, sku: 'us_ca' },
      });
      recordWebhook(ended, new Date(), {});
      expect(recorder.calls).toHaveLength(2);
    });

    test('in another process its callback is an update that names the call', async () => {
      await add();
      forgetCharges();
      recordWebhook({ ...ended, To: to }, new Date(), {});
      expect(recorder.last.end).toMatchObject({ update: true, version: 100, externalId: callSid });
    });

    test('refused: not billed; changed or looked at: nothing', async () => {
      await expect(add(400, { code: 21211, message: 'invalid' })).rejects.toThrow();
      expect(only().end).toMatchObject({ outcome: 'error', errorType: '21211', billed: false });
      await answering(200, participant).participants(callSid).update({ muted: true });
      await answering(200, participant).participants(callSid).fetch();
      expect(recorder.calls).toHaveLength(1);
    });
  });

  test('a call of another process is left to it', async () => {
    const api = client();
    const call = await api.calls.create({ to, from, twiml: '<Response/>' });
    forgetCharges();
    await api.calls(call.sid).update({ status: 'completed' });
    expect(recorder.calls).toHaveLength(1);
  });

  test('a recording', async () => {
    const api = client();
    const call = await api.calls.create({ to, from, twiml: '<Response/>' });
    const recording = await api.calls(call.sid).recordings.create();
    expect(recorder.last).toMatchObject({
      start: { service: 'twilio_voice', operation: 'recording' },
      end: { unit: 'minute', quantity: 0, externalId: recording.sid, unpricedReason: 'the recording has not ended' },
    });
    await api.calls(call.sid).recordings('Twilio.CURRENT').update({ status: 'stopped' });
    expect(recorder.last.end).toMatchObject({ externalId: recording.sid, version: 100, quantity: 2 });
  });
});

describe('numbers', () => {
  test('bought: the first month, under an id that the monthly command shares', async () => {
    const number = await client().incomingPhoneNumbers.create({ areaCode: '415' });
    expect(only()).toMatchObject({
      start: { service: 'twilio_phone', operation: 'provision_number' },
      end: {
        sku: 'local',
        unit: 'number_month',
        quantity: 1,
        externalId: number.sid,
        usageId: numberMonthId(number.sid, new Date()),
      },
    });
  });

  test.each([
    ['tollFree', '+18335551234', 'toll_free'],
    ['local', '+442071838750', '+44_local'],
    ['mobile', '+447700900123', '+44_mobile'],
  ])('%s %s', async (kind, phoneNumber, sku) => {
    await client().incomingPhoneNumbers[kind].create({ phoneNumber });
    expect(only().end).toMatchObject({ sku, quantity: 1 });
  });

  test('released: visible, and free', async () => {
    const api = client();
    const { sid } = await api.incomingPhoneNumbers.create({ areaCode: '415' });
    recorder.clear();
    expect(await api.incomingPhoneNumbers(sid).remove()).toBe(true);
    expect(only()).toMatchObject({
      start: { service: 'twilio_phone', operation: 'release_number' },
      end: { quantity: 0, billed: false, externalId: sid, unit: 'number_month', outcome: 'ok' },
    });
    recorder.clear();
    await expect(api.incomingPhoneNumbers(sid).remove()).rejects.toThrow();
    expect(only().end).toMatchObject({ outcome: 'error', billed: false });
  });

  test('not to be had: not billed', async () => {
    await expect(client().incomingPhoneNumbers.create({ phoneNumber: '+15005550000' })).rejects.toThrow();
    expect(only().end).toMatchObject({ outcome: 'error', errorType: '21422', billed: false });
  });
});

test('the client’s name does not reach Twilio', async () => {
  const baggage = propagation.createBaggage({ 'client.id': { value: 'acme' } });
  let seen: unknown;
  const api = client({
    httpClient: {
      request: async () => {
        seen = propagation.getBaggage(context.active());
        return { statusCode: 201, body: { sid: 'SM1', num_segments: '1', status: 'queued' } };
      },
    },
  });
  await context.with(propagation.setBaggage(context.active(), baggage), () =>
    api.messages.create({ to, from, body: 'x' }),
  );
  expect(seen).toBeUndefined();
});

test('region and edge are part of the address; subaccounts are like any other', async () => {
  const request = async () => ({ statusCode: 201, body: { sid: 'SM1', num_segments: '1', status: 'queued' } });
  const sub = `AC${'c'.repeat(32)}`;
  const api = twilio('AC1', 'x', { region: 'au1', edge: 'sydney', accountSid: sub, httpClient: { request } });
  await api.messages.create({ to, from, body: 'x' });
  expect(only().start.attributes).toEqual({ 'server.address': 'api.sydney.au1.twilio.com', 'server.port': 443 });
});
