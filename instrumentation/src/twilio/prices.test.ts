import { expect, test } from 'vitest';
import { loadPriceBook } from '../prices/index.ts';

const book = loadPriceBook();
const BEFORE = '2026-02-10';
const AFTER = '2026-11-22';

function priceOf(
  service: string,
  operation: string,
  unit: string,
  sku: string | undefined,
  day: string,
): string | undefined {
  return book.price({ service, operation, unit, sku, quantity: '1', at: new Date(`${day}T12:00:00Z`) }).amount;
}

test.each([
  ['twilio_sms', 'send_sms', 'segment', 'us_ca', '0.0079', '0.0083'],
  ['twilio_sms', 'receive_sms', 'segment', 'us_ca', '0.0079', '0.0083'],
  ['twilio_sms', 'receive_sms', 'segment', 'us_ca_short_code', '0.0079', '0.0083'],
  ['twilio_sms', 'send_mms', 'message', 'us_ca', '0.02', '0.022'],
  ['twilio_sms', 'receive_mms', 'message', 'us_ca_toll_free', '0.01', '0.0165'],
  ['twilio_sms', 'send_sms', 'message', 'failed', '0.001', '0.001'],
  ['twilio_sms', 'send_mms', 'message', 'failed', '0.001', '0.001'],
  ['twilio_sms', 'send_whatsapp', 'message', 'failed', '0.001', '0.001'],
  ['twilio_voice', 'outbound_call', 'minute', 'us_ca', '0.014', '0.014'],
  ['twilio_voice', 'inbound_call', 'minute', 'us_ca', '0.0085', '0.0085'],
  ['twilio_voice', 'inbound_call', 'minute', 'us_ca_toll_free', '0.0085', '0.022'],
  ['twilio_voice', 'outbound_call', 'minute', 'client', '0.004', '0.004'],
  ['twilio_voice', 'recording', 'minute', undefined, '0.0025', '0.0025'],
  ['twilio_phone', 'provision_number', 'number_month', 'local', '1.15', '1.15'],
  ['twilio_phone', 'provision_number', 'number_month', 'toll_free', '2.15', '2.15'],
])('%s %s per %s of %s: %s, later %s', (service, operation, unit, sku, before, after) => {
  expect(priceOf(service, operation, unit, sku, BEFORE)).toBe(before);
  expect(priceOf(service, operation, unit, sku, '2026-02-28')).toBe(before);
  expect(priceOf(service, operation, unit, sku, '2026-03-01')).toBe(after);
  expect(priceOf(service, operation, unit, sku, AFTER)).toBe(after);
});

test('a failed message cost nothing before its fee', () => {
  expect(priceOf('twilio_sms', 'send_sms', 'message', 'failed', '2024-09-29')).toBe('0');
  expect(priceOf('twilio_sms', 'send_sms', 'message', 'failed', '2024-09-30')).toBe('0.001');
});

test.each([
  ['twilio_sms', 'send_sms', 'segment', '+44'],
  ['twilio_sms', 'send_sms', 'segment', '+1876'],
  ['twilio_sms', 'send_sms', 'segment', undefined],
  ['twilio_sms', 'send_whatsapp', 'message', 'whatsapp'],
  ['twilio_voice', 'outbound_call', 'minute', 'us_ca_remote'],
  ['twilio_voice', 'outbound_call', 'minute', '+1900'],
  ['twilio_phone', 'provision_number', 'number_month', '+44_mobile'],
  ['twilio_phone', 'provision_number', 'number_month', undefined],
])('%s %s per %s of %s has no price', (service, operation, unit, sku) => {
  expect(priceOf(service, operation, unit, sku, AFTER)).toBeUndefined();
});
