import { createRequire } from 'node:module';
import type { UsageEvent } from '@client-cost/exporter';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTwilioStandIn, type TwilioStandIn } from '../../../examples/src/stand-ins/twilio/index.ts';
import { withClient } from '../attribution/index.ts';
import { sumAmounts } from '../money.ts';
import { loadPriceBook } from '../prices/index.ts';
import { setRecorder } from '../recorder/index.ts';
import { UsageRecorder } from '../recorder/recorder.ts';
import { TwilioInstrumentation } from './index.ts';

// biome-ignore lint/suspicious/noExplicitAny: the package as JavaScript has it.
type Any = any;

const events: UsageEvent[] = [];
const book = loadPriceBook();
const instrumentation = new TwilioInstrumentation();
let standIn: TwilioStandIn;
let api: Any;

beforeAll(async () => {
  setRecorder(
    new UsageRecorder({
      version: '0',
      priceBook: () => book,
      exporter: () => ({ emit: (event: UsageEvent) => void events.push(event) }) as Any,
    }),
  );
  standIn = await createTwilioStandIn({
    stepMs: Number.POSITIVE_INFINITY,
    priceMs: Number.POSITIVE_INFINITY,
    priceUnit: 'EUR',
  });
  api = createRequire(__filename)('twilio')(standIn.accountSid, standIn.authToken);
  api.api.baseUrl = standIn.url;
});
afterAll(async () => {
  instrumentation.disable();
  setRecorder(undefined);
  await standIn.close();
});

const to = '+14155551234';
const from = '+14155550000';
const service = { to, messagingServiceSid: `MG${'0'.repeat(32)}` };

async function recorded(work: () => Promise<unknown>): Promise<UsageEvent['attributes'][]> {
  events.length = 0;
  await withClient('acme', work).catch(() => {});
  return events.map(({ attributes }) => attributes);
}

test.each([
  ['one segment', { to, from, body: 'hi' }, '0.0083', 'price_book'],
  ['two segments', { to, from, body: 'x'.repeat(161) }, '0.0166', 'price_book'],
  ['counted here', { ...service, body: 'я'.repeat(71) }, '0.0166', 'estimated'],
  ['MMS', { to, from, mediaUrl: 'https://x.example/i.png' }, '0.022', 'price_book'],
  ['refused', { to: '+15005550001', from, body: 'x' }, '0', 'price_book'],
  ['test credentials', { to, from: '+15005550006', body: 'x' }, '0', 'price_book'],
  ['WhatsApp', { to: `whatsapp:${to}`, from: `whatsapp:${from}`, body: 'x' }, undefined, 'unpriced'],
  ['another country', { to: '+447700900123', from, body: 'x' }, undefined, 'unpriced'],
  ['Jamaica', { to: '+18765551234', from, body: 'x' }, undefined, 'unpriced'],
])('a message costs what the list says: %s', async (_name, params, amount, source) => {
  const [event, ...more] = await recorded(() => api.messages.create(params));
  expect(more).toEqual([]);
  expect(event).toMatchObject({ 'client.id': 'acme', 'usage.service': 'twilio_sms', 'cost.source': source });
  expect(event?.['cost.amount']).toBe(amount);
});

test('a call: no price while it lasts, minutes at its end, Twilio’s own price after it, in Twilio’s currency', async () => {
  const [first] = await recorded(() => api.calls.create({ to, from, twiml: '<Response/>' }));
  expect(first).toMatchObject({
    'usage.version': 1,
    'usage.quantity': '0',
    'usage.unit': 'minute',
    'cost.source': 'unpriced',
    'cost.unpriced_reason': 'the call has not ended',
  });
  expect(first).not.toHaveProperty('cost.amount');
  const sid = first?.['usage.external_id'] as string;
  Object.assign(standIn.calls.get(sid)!, { status: 'completed', duration: '61', end_time: 'x' });
  const [second] = await recorded(() => api.calls(sid).fetch());
  expect(second).toMatchObject({
    'usage.id': first?.['usage.id'],
    'client.id': 'acme',
    'usage.version': 100,
    'usage.quantity': '2',
    'cost.amount': '0.028',
    'cost.source': 'price_book',
  });
  standIn.calls.get(sid)!.price = '-0.02500';
  standIn.calls.get(sid)!.price_unit = 'EUR';
  const [third] = await recorded(() => api.calls(sid).fetch());
  expect(third).toMatchObject({
    'usage.id': first?.['usage.id'],
    'usage.version': 101,
    'cost.source': 'unpriced',
    'cost.original_amount': '0.025',
    'cost.original_currency': 'EUR',
    'cost.unpriced_reason': expect.stringContaining('EUR'),
  });
});

test('numbers: local and toll-free, and a release that costs nothing', async () => {
  const bought = await recorded(async () => {
    await api.incomingPhoneNumbers.create({ areaCode: '415' });
    const { sid } = await api.incomingPhoneNumbers.tollFree.create({ phoneNumber: '+18445550101' });
    await api.incomingPhoneNumbers(sid).remove();
  });
  expect(bought.map((event) => [event['usage.operation'], event['usage.sku'], event['cost.amount']])).toEqual([
    ['provision_number', 'local', '1.15'],
    ['provision_number', 'toll_free', '2.15'],
    ['release_number', undefined, '0'],
  ]);
  expect(sumAmounts(bought.map((event) => event['cost.amount'] as string))).toBe('3.3');
});

test('nothing that was said or of who said it is in an event', async () => {
  const seen = await recorded(async () => {
    await api.messages.create({ to, from, body: 'the secret text', statusCallback: `${standIn.url}/secret-callback` });
    await api.messages.create({ to: `whatsapp:${to}`, from, body: 'the secret text' });
    await api.calls.create({ to, from, twiml: '<Response><Say>secret</Say></Response>' });
    await api.incomingPhoneNumbers.create({ phoneNumber: '+14155557777' });
    await api.messages.create({ to: '+15005550001', from, body: 'the secret text' });
  });
  expect(seen).toHaveLength(5);
  expect(JSON.stringify(seen)).not.toMatch(/secret|4155551234|4155550000|4155557777|5005550001/);
});
