import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import twilio from 'twilio';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTwilioStandIn, type TwilioStandIn, type TwilioStandInOptions } from './index.ts';

let standIn: TwilioStandIn;
let app: Server;
let appUrl: string;
const seen: { path: string; params: Record<string, string>; valid: boolean }[] = [];

function client(user = standIn.accountSid, password = standIn.authToken, options: object = {}): twilio.Twilio {
  const made = twilio(user, password, options);
  made.api.baseUrl = standIn.url;
  return made;
}

async function start(options: TwilioStandInOptions = {}): Promise<twilio.Twilio> {
  standIn = await createTwilioStandIn(options);
  return client();
}

beforeEach(async () => {
  seen.length = 0;
  app = createServer((incoming, outgoing) => {
    let text = '';
    incoming.on('data', (part) => {
      text += part;
    });
    incoming.on('end', () => {
      const params = Object.fromEntries(new URLSearchParams(text));
      const signature = String(incoming.headers['x-twilio-signature']);
      const valid = twilio.validateRequest(standIn.authToken, signature, `${appUrl}${incoming.url}`, params);
      seen.push({ path: incoming.url ?? '', params, valid });
      outgoing.end('<Response/>');
    });
  });
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  appUrl = `http://127.0.0.1:${(app.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await standIn.close();
  app.closeAllConnections();
  await new Promise((resolve) => app.close(resolve));
});

const to = '+14155551234';
const from = '+14155550000';

test('a message: queued without a price, its statuses told with valid signatures, its price late', async () => {
  const api = await start({ stepMs: Number.POSITIVE_INFINITY, priceMs: Number.POSITIVE_INFINITY });
  const made = await api.messages.create({ to, from, body: 'x'.repeat(161), statusCallback: `${appUrl}/m` });
  expect(made).toMatchObject({ status: 'queued', numSegments: '2', price: null, priceUnit: 'USD' });
  expect(made.sid).toMatch(/^SM[0-9a-f]{32}$/);
  expect(await api.messages(made.sid).fetch()).toMatchObject({ status: 'queued', price: null });
  await standIn.advance();
  expect(await api.messages(made.sid).fetch()).toMatchObject({ status: 'delivered', price: '-0.02260' });
  expect(seen.map(({ params, valid }) => [params.MessageStatus, valid])).toEqual([
    ['sent', true],
    ['delivered', true],
  ]);
});

test('a Messaging Service: no segments at creation; scheduled messages can be cancelled, sent ones cannot', async () => {
  const api = await start();
  const service = { to, messagingServiceSid: `MG${'0'.repeat(32)}`, body: 'hi 😀' };
  expect(await api.messages.create(service)).toMatchObject({ status: 'accepted', numSegments: '0' });
  const sendAt = new Date(Date.now() + 3_600_000);
  const later = await api.messages.create({ ...service, scheduleType: 'fixed', sendAt });
  expect(later.status).toBe('scheduled');
  expect((await api.messages(later.sid).update({ status: 'canceled' })).status).toBe('canceled');
  await expect(api.messages(later.sid).update({ status: 'canceled' })).rejects.toMatchObject({ code: 30409 });
});

test('a call and its recording: callbacks in order, length and price at the end', async () => {
  const api = await start({ call: () => ({ duration: 125 }) });
  const statusCallbackEvent = ['initiated', 'ringing', 'answered', 'completed'];
  const call = await api.calls.create({
    to,
    from,
    twiml: '<Response/>',
    statusCallback: `${appUrl}/c`,
    statusCallbackEvent,
    record: true,
    recordingStatusCallback: `${appUrl}/r`,
  });
  expect(call).toMatchObject({ status: 'queued', duration: null, price: null });
  await standIn.idle();
  expect(seen.map(({ path, params }) => `${path} ${params.CallStatus ?? params.RecordingStatus}`)).toEqual([
    '/c initiated',
    '/c ringing',
    '/c in-progress',
    '/c completed',
    '/r completed',
  ]);
  expect(seen.every(({ valid }) => valid)).toBe(true);
  expect(seen[3]?.params).toMatchObject({ CallDuration: '125', Duration: '3', SequenceNumber: '3' });
  expect(await api.calls(call.sid).fetch()).toMatchObject({ status: 'completed', duration: '125', price: '-0.04200' });
  expect(await api.recordings.list({ callSid: call.sid })).toMatchObject([{ duration: '125', price: '-0.00750' }]);
});

test('numbers: bought, listed, released; usage records sum up', async () => {
  const api = await start();
  const local = await api.incomingPhoneNumbers.create({ areaCode: '628' });
  expect(local.phoneNumber).toMatch(/^\+1628555\d{4}$/);
  await api.incomingPhoneNumbers.tollFree.create({ phoneNumber: '+18335551111' });
  await expect(api.incomingPhoneNumbers.create({ phoneNumber: '+18335551111' })).rejects.toMatchObject({ code: 21422 });
  const [sum] = await api.usage.records.list({ category: 'phonenumbers' as never });
  expect(sum).toMatchObject({ count: '2', priceUnit: 'usd' });
  expect(Number(sum?.price)).toBe(3.3);
  expect(await api.incomingPhoneNumbers(local.sid).remove()).toBe(true);
  expect((await api.incomingPhoneNumbers.list()).length).toBe(1);
});

test('lists are paged by next_page_uri and filtered by day', async () => {
  const api = await start({ record: true });
  for (let i = 0; i < 5; i++) await api.messages.create({ to, from, body: `${i}` });
  await standIn.idle();
  expect(await api.messages.list({ pageSize: 2 })).toHaveLength(5);
  expect(standIn.requests.filter(({ method }) => method === 'GET')).toHaveLength(3);
  expect(await api.messages.list({ dateSentBefore: new Date('2020-01-01') })).toHaveLength(0);
  expect(await api.messages.list({ dateSentAfter: new Date('2020-01-01'), limit: 3 })).toHaveLength(3);
});

test('errors: wrong password, no such thing, bad fields, too many requests', async () => {
  await start({
    subaccounts: { [`AC${'c'.repeat(32)}`]: 'sub' },
    failures: ({ index }) => (index === 4 ? { status: 429 } : undefined),
  });
  const wrong = client(standIn.accountSid, 'wrong');
  await expect(wrong.messages.list()).rejects.toMatchObject({ status: 401, code: 20003 });
  const api = client();
  await expect(api.calls(`CA${'0'.repeat(32)}`).fetch()).rejects.toMatchObject({ status: 404, code: 20404 });
  await expect(api.messages.create({ to: '+15005550001', from, body: 'x' })).rejects.toMatchObject({
    status: 400,
    code: 21211,
    moreInfo: 'https://www.twilio.com/docs/errors/21211',
  });
  const sub = client(standIn.accountSid, standIn.authToken, { accountSid: `AC${'c'.repeat(32)}` });
  expect((await sub.messages.create({ to, from, body: 'x' })).accountSid).toBe(`AC${'c'.repeat(32)}`);
  await expect(api.messages.list()).rejects.toMatchObject({ status: 429, code: 20429 });
});

test('what comes in is posted as signed webhooks, twice if asked', async () => {
  await start();
  const sms = await standIn.receiveSms({ to: from, from: to, body: 'hello', url: `${appUrl}/sms` });
  expect(sms).toMatchObject({ status: 200, body: '<Response/>' });
  await standIn.post(sms.url, sms.params);
  await standIn.receiveCall({ to: from, from: to, url: `${appUrl}/call`, statusCallback: `${appUrl}/ended` });
  await standIn.idle();
  expect(seen.map(({ path, valid }) => `${path} ${valid}`)).toEqual([
    '/sms true',
    '/sms true',
    '/call true',
    '/ended true',
  ]);
  expect(seen[1]?.params.MessageSid).toBe(seen[0]?.params.MessageSid);
});

test('a request that is done and fails all the same', async () => {
  const later = Date.parse('2030-01-01T00:00:00Z');
  const failures = [
    { hang: true, accepted: true },
    { reset: true, accepted: true },
    { accepted: true, status: 500 },
    { accepted: true, body: '<html>' },
    { accepted: true, delayMs: 300 },
  ] as const;
  await start({ failures: ({ index }) => failures[index], now: () => later });
  const api = client(standIn.accountSid, standIn.authToken, { timeout: 150 });
  for (const failure of failures) {
    await expect(api.messages.create({ to, from, body: 'x' }), JSON.stringify(failure)).rejects.toThrow();
  }
  expect(standIn.messages.size).toBe(failures.length);
  expect([...standIn.messages.values()].map(({ date_created }) => date_created)).toContain(
    'Tue, 01 Jan 2030 00:00:00 +0000',
  );
});

test('callbacks that are lost or come twice', async () => {
  const api = await start({ copies: (_url, { MessageStatus }) => (MessageStatus === 'sent' ? 0 : 2) });
  await api.messages.create({ to, from, body: 'x', statusCallback: `${appUrl}/m` });
  await standIn.idle();
  expect(seen.map(({ params }) => params.MessageStatus)).toEqual(['delivered', 'delivered']);
});
