import { describe, expect, test } from 'vitest';
import { loadPriceBook, type PriceRequest } from './index.ts';
import { isPriceReason } from './reasons.ts';

const at = new Date('2026-11-01T00:00:00Z');
const call: PriceRequest = { service: 'openai', operation: 'chat_completion', quantity: '1', unit: 'request', at };
const tokens = { input: 1, output: 1 };

describe('reasons of the price book are told from those of the usage', () => {
  test.each<[string, PriceRequest]>([
    ['unknown model', { ...call, model: 'mystery-1', tokens }],
    ['unknown provider', { ...call, service: 'nobody', model: 'm', tokens }],
    ['unknown tier', { ...call, model: 'gpt-4o', serviceTier: 'scale', tokens }],
    ['no model', { ...call, tokens }],
    ['no tokens', { ...call, model: 'gpt-4o' }],
    ['no audio rate', { ...call, model: 'gpt-4o', tokens: { input: 5, output: 1, inputAudio: 2 } }],
    ['fine-tuned', { ...call, model: 'ft:mystery:acme', tokens }],
    ['unknown SKU', { ...call, service: 'google_places', operation: 'photo', sku: 'places_unknown' }],
    ['unknown operation', { ...call, service: 'acme', operation: 'lookup' }],
    ['a long name', { ...call, model: 'x'.repeat(300), tokens }],
  ])('%s', (_, request) => {
    const price = loadPriceBook({ userFile: '' }).price(request);
    const reason = price.amount === undefined ? price.reason : `it has a price: ${price.amount}`;
    expect(isPriceReason(reason), reason).toBe(true);
  });

  test.each([
    'the call has not ended',
    'the answer has no sid',
    'Twilio has not said how many segments the message has, and its text is not known here',
    'the length of what was read is not known',
    'whether an answer with status 500 is billed is not known',
    'token count input (-5) is not a whole number of 0 or more',
    'the given cost is not an amount of less than 1000000',
    '',
  ])('%j', (reason) => expect(isPriceReason(reason)).toBe(false));
});
