import { describe, expect, it } from 'vitest';
import { channelOf, destinationSku, isTestNumber, numberSku } from './sku.ts';

describe('the class of an address', () => {
  it.each([
    ['+14155551234', 'us_ca'],
    ['+1 (415) 555-1234', 'us_ca'],
    ['+16045551234', 'us_ca'],
    ['+18085551234', 'us_ca'],
    ['+19075551234', 'us_ca_remote'],
    ['+18675551234', 'us_ca_remote'],
    ['+18335551234', 'us_ca_toll_free'],
    ['+18005551234', 'us_ca_toll_free'],
    ['+18765551234', '+1876'],
    ['+17875551234', '+1787'],
    ['+12425551234', '+1242'],
    ['+19005551234', '+1900'],
    ['+447700900000', '+44'],
    ['+4915112345678', '+49'],
    ['+79161234567', '+7'],
    ['+77011234567', '+7'],
    ['+971501234567', '+971'],
    ['+353861234567', '+353'],
    ['+8613800138000', '+86'],
    ['+85251234567', '+852'],
    ['sip:alice@example.com', 'sip'],
    ['sips:alice@example.com', 'sip'],
    ['client:alice', 'client'],
    ['whatsapp:+14155551234', 'whatsapp'],
    ['WhatsApp:+14155551234', 'whatsapp'],
    ['rcs:brand_agent', 'rcs'],
    ['carrier-pigeon:1', 'channel'],
  ])('%s is %s', (address, sku) => {
    expect(destinationSku(address)).toBe(sku);
  });

  it.each([
    ['4155551234'],
    ['+1415555123'],
    ['+141555512345'],
    ['+11155551234'],
    ['ACME'],
    [''],
    ['+0123456789'],
    [undefined],
    [5],
    [null],
  ])('%o has none, and so no price', (address) => {
    expect(destinationSku(address)).toBeUndefined();
  });

  it('a short code is one of the country that Twilio names', () => {
    expect(destinationSku('12345')).toBeUndefined();
    expect(destinationSku('12345', 'US')).toBe('us_ca_short_code');
    expect(destinationSku('12345', 'GB')).toBeUndefined();
  });
});

it.each([
  ['+14155551234', undefined, 'local'],
  ['+14155551234', 'local', 'local'],
  ['+18445551234', undefined, 'toll_free'],
  ['+18445551234', 'toll_free', 'toll_free'],
  ['+447700900000', 'mobile', '+44_mobile'],
  ['+442071838750', undefined, '+44_number'],
  ['+18765551234', 'local', '+1876_local'],
  ['12345', undefined, undefined],
  [undefined, 'local', undefined],
] as const)('number %s bought as %s is %s', (number, kind, sku) => {
  expect(numberSku(number, kind)).toBe(sku);
});

it('test numbers and channels', () => {
  expect(isTestNumber('+15005550006')).toBe(true);
  expect(isTestNumber('+15015550006')).toBe(false);
  expect(channelOf('+14155551234')).toBeUndefined();
  expect(channelOf(':x')).toBeUndefined();
});
