import { describe, expect, it } from 'vitest';
import { sumAmounts } from '../money.ts';
import { amount, book, M, reason, request } from './testing/requests.ts';

describe('the price table', () => {
  it.each([
    ['gpt-4o-mini', '0.15', '0.6'],
    ['gpt-4o-mini-2024-07-18', '0.15', '0.6'],
    ['gpt-4o', '2.5', '10'],
    ['gpt-4o-2024-08-06', '2.5', '10'],
    ['gpt-4o-2024-11-20', '2.5', '10'],
    ['gpt-4o-2024-05-13', '5', '15'],
    ['gpt-4-turbo', '10', '30'],
    ['gpt-4-turbo-2024-04-09', '10', '30'],
    ['gpt-4.1', '2', '8'],
    ['gpt-5', '1.25', '10'],
    ['gpt-6.1-sol', undefined, undefined],
  ])('%s: %s in, %s out per million', (model, input, output) => {
    if (input === undefined || output === undefined) {
      // Long context: a million input tokens cost the higher rates.
      expect(amount(model, { input: 100_000, output: 10_000 })).toBe('0.3');
      expect(amount(model, { input: M, output: M })).toBe('19');
      return;
    }
    expect(amount(model, { input: M, output: 0 })).toBe(input);
    expect(amount(model, { input: 0, output: M })).toBe(output);
  });

  it('costs a small call exactly, and a million of them', () => {
    const one = amount('gpt-4o-mini', { input: 100, output: 20 }) ?? '';
    expect(one).toBe('0.000027');
    expect(sumAmounts(Array<string>(M).fill(one))).toBe('27');
  });

  it.each([
    ['text-embedding-3-small', '0.02'],
    ['text-embedding-3-large', '0.13'],
    ['text-embedding-ada-002', '0.1'],
    ['text-embedding-ada-002-v2', '0.1'],
  ])('embedding %s: %s per million', (model, price) => {
    expect(amount(model, { input: M, output: 0 }, { operation: 'embedding' })).toBe(price);
    expect(amount(model, { input: 8, output: 0 })).toBe(sumAmounts([`${Number(price) * 8}e-6`]));
  });

  it('names the currency and the version', () => {
    expect(book.price(request('gpt-4o', { input: 1, output: 1 }))).toEqual({
      amount: '0.0000125',
      currency: 'USD',
      version: 'genai-prices@0.1.8+overlay.2026-11-22',
    });
  });
});

describe('kinds of tokens', () => {
  it('cached input has its own rate, and is part of the input', () => {
    expect(amount('gpt-4o-mini', { input: M, output: 0, cacheRead: M })).toBe('0.075');
    expect(amount('gpt-4o-mini', { input: 1000, output: 0, cacheRead: 400 })).toBe('0.00012');
    expect(amount('gpt-4.1', { input: M, output: 0, cacheRead: M })).toBe('0.5');
    // No cached rate: billed as input.
    expect(amount('o1-pro', { input: 1000, output: 0, cacheRead: 1000 })).toBe('0.15');
  });

  it('cache writes have their own rate since gpt-5.6, and cost nothing extra before', () => {
    expect(amount('gpt-6-sol', { input: 1000, output: 0, cacheWrite: 1000 })).toBe('0.0025');
    expect(amount('gpt-6-sol', { input: 1000, output: 0, cacheWrite: 200, cacheRead: 300 })).toBe('0.00156');
    expect(amount('gpt-4o', { input: 1000, output: 0, cacheWrite: 1000 })).toBe('0.0025');
  });

  it('reasoning is output', () => {
    expect(amount('o3', { input: 0, output: 1000, reasoning: 900 })).toBe('0.008');
  });

  it('audio has its own rates', () => {
    const tokens = { input: 1000, output: 500, inputAudio: 800, outputAudio: 400 };
    // 200 × 2.5 + 800 × 40 + 100 × 10 + 400 × 80
    expect(amount('gpt-4o-audio-preview', tokens)).toBe('0.0655');
    expect(amount('gpt-4o-audio-preview-2025-06-03', tokens)).toBe('0.0655');
    // 200 × 2.5 + 800 × 100 + 100 × 10 + 400 × 200
    expect(amount('gpt-4o-audio-preview-2024-10-01', tokens)).toBe('0.1615');
    // 200 × 0.15 + 800 × 10 + 100 × 0.6 + 400 × 20
    expect(amount('gpt-4o-mini-audio-preview', tokens)).toBe('0.01609');
    // 200 × 2.5 + 800 × 32 + 100 × 10 + 400 × 64
    expect(amount('gpt-audio', tokens)).toBe('0.0527');
    // cached audio: 700 × 4 + 200 × 32 + 100 × 0.4 + 100 × 16 + 0
    const cached = { input: 1000, output: 100, inputAudio: 300, cacheRead: 100, cacheReadAudio: 100 };
    expect(amount('gpt-realtime', cached)).toBe('0.01084');
  });

  it('audio on a model without audio rates has no price', () => {
    expect(reason('gpt-4o', { input: 10, output: 1, inputAudio: 5 })).toMatch(/no rate for audio input/);
    expect(reason('gpt-4o', { input: 10, output: 5, outputAudio: 5 })).toMatch(/no rate for audio output/);
    expect(
      reason('gpt-4o-audio-preview', { input: 10, output: 1, inputAudio: 5 }, { service: 'azure_openai' }),
    ).toMatch(/no rate for audio/);
  });

  it('a missing meter is no price, not 0', () => {
    expect(reason('text-embedding-3-small', { input: 10, output: 5 })).toMatch(/no rate for output tokens/);
  });

  it('a long context costs its higher rates from the first token', () => {
    expect(amount('gpt-5.4', { input: 272_000, output: 0 })).toBe('0.68');
    expect(amount('gpt-5.4', { input: 272_001, output: 100 })).toBe('1.362255');
    expect(amount('gpt-6-sol', { input: 300_000, output: 0, cacheRead: 100_000 })).toBe('0.84');
    expect(amount('gpt-6-sol', { input: 300_000, output: 0 }, { serviceTier: 'flex' })).toBe('0.6');
  });

  it('moderation is free, images are not guessed', () => {
    expect(amount('omni-moderation-latest', { input: 100, output: 0 })).toBe('0');
    expect(reason('gpt-image-1', { input: 100, output: 1000 })).toMatch(/input_image_mtok/);
  });
});

describe('service tiers', () => {
  it.each([
    ['flex', 'gpt-5', '0.625', '5'],
    ['flex', 'o3', '1', '4'],
    ['flex', 'o4-mini-2025-04-16', '0.55', '2.2'],
    ['priority', 'gpt-4o-mini', '0.25', '1'],
    ['priority', 'gpt-4o', '4.25', '17'],
    ['priority', 'gpt-4o-2024-05-13', '8.75', '26.25'],
    ['priority', 'gpt-4.1-nano-2025-04-14', '0.2', '0.8'],
    ['priority', 'gpt-5.1-codex', '2.5', '20'],
    ['fast', 'gpt-5', '2.5', '20'],
    ['Priority', 'gpt-5-mini-2025-08-07', '0.45', '3.6'],
    ['batch', 'gpt-4o-mini-2024-07-18', '0.075', '0.3'],
    ['batch', 'gpt-4-turbo-2024-04-09', '5', '15'],
    ['batch', 'text-embedding-3-small', '0.01', undefined],
  ])('%s %s: %s in, %s out', (serviceTier, model, input, output) => {
    expect(amount(model, { input: M / 10, output: 0 }, { serviceTier })).toBe(sumAmounts([`${Number(input) / 10}`]));
    if (output !== undefined) expect(amount(model, { input: 0, output: M }, { serviceTier })).toBe(output);
  });

  it.each([undefined, '', 'default', 'auto', 'standard', 'DEFAULT ', 'on_demand'])(
    '%j is the standard tier',
    (serviceTier) => {
      expect(amount('gpt-4o-mini', { input: M, output: 0 }, { serviceTier })).toBe('0.15');
    },
  );

  it('a tier without a known price is no price', () => {
    const tokens = { input: 10, output: 1 };
    expect(reason('gpt-4o-mini', tokens, { serviceTier: 'flex' })).toMatch(/service tier flex of model gpt-4o-mini/);
    expect(reason('gpt-4o', tokens, { serviceTier: 'scale' })).toMatch(/service tier scale/);
    expect(reason('gpt-5-chat-latest', tokens, { serviceTier: 'priority' })).toMatch(/service tier priority/);
    expect(reason('gpt-4o', tokens, { serviceTier: 'priority', service: 'azure_openai' })).toMatch(
      /service tier priority/,
    );
    expect(reason('gpt-4o-audio-preview', tokens, { serviceTier: 'flex' })).toMatch(/service tier flex/);
    // The priority price of these ends where long context begins.
    const long = { input: 272_001, output: 1 };
    expect(reason('gpt-5.4', long, { serviceTier: 'priority' })).toMatch(/beyond 272000 input tokens \(272001\)/);
  });

  it('a tier price holds from the day of the price it belongs to', () => {
    const priority = { serviceTier: 'priority' };
    const before = new Date('2026-08-20T23:59:59.999Z');
    expect(reason('gpt-5.6-sol', { input: 1, output: 1 }, { ...priority, at: before })).toMatch(
      /service tier priority/,
    );
    const from = new Date('2026-08-21T00:00:00Z');
    expect(amount('gpt-5.6-sol', { input: 1000, output: 0 }, { ...priority, at: from })).toBe('0.008');
  });
});

describe('dates', () => {
  it('a price change shows on both sides of its date, in whatever order it is asked', () => {
    const on = (at: string) => amount('o3', { input: M, output: M }, { at: new Date(at) });
    expect(on('2025-06-09T23:59:59.999Z')).toBe('50');
    expect(on('2025-06-10T00:00:00Z')).toBe('10');
    expect(on('2025-06-09T00:00:00Z')).toBe('50');
    expect(on('2026-11-22T00:00:00Z')).toBe('10');
    const luna = (at: string) => amount('gpt-5.6-luna', { input: 1000, output: 1000 }, { at: new Date(at) });
    expect(luna('2026-07-29T23:59:59Z')).toBe('0.007');
    expect(luna('2026-07-30T00:00:00Z')).toBe('0.0014');
  });

  it('a price that changes within the day is asked anew', () => {
    const at = (time: string) =>
      amount('deepseek-chat', { input: 1000, output: 0 }, { service: 'deepseek', at: new Date(`2025-08-01T${time}Z`) });
    expect(at('12:00:00')).toBe('0.00027');
    expect(at('16:29:59')).toBe('0.00027');
    expect(at('16:30:00')).toBe('0.000135');
    expect(at('12:00:00')).toBe('0.00027');
  });
});
