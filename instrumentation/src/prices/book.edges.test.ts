import { diag } from '@opentelemetry/api';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { sumAmounts } from '../money.ts';
import type { TokenUsage } from '../types.ts';
import { loadPriceBook, type PriceRequest } from './index.ts';
import { amount, book, M, reason, request } from './testing/requests.ts';

afterEach(() => vi.unstubAllEnvs());

describe('models and providers', () => {
  const tokens = { input: M, output: 0 };

  it('the response’s model wins, the request’s is the fallback', () => {
    expect(amount('gpt-4o', tokens, { responseModel: 'gpt-4o-mini-2024-07-18' })).toBe('0.15');
    expect(amount('gpt-4o', tokens, { responseModel: 'whatever-1' })).toBe('2.5');
    expect(
      amount('my-deployment', tokens, {
        responseModel: 'gpt-4o-2024-08-06',
        provider: 'azure.ai.openai',
        service: 'azure_openai',
      }),
    ).toBe('2.5');
    expect(reason('my-deployment', tokens, { responseModel: 'other', service: 'azure_openai' })).toMatch(
      /other of azure/,
    );
    expect(reason(undefined, tokens)).toBe('the call names no model');
    expect(reason('gpt-9-nova', tokens)).toBe('no price is known for model gpt-9-nova of openai');
  });

  it.each([
    ['ft:gpt-4o-mini-2024-07-18:org::id', '0.3'],
    ['ft:gpt-4o-2024-08-06:org:suffix:id', '3.75'],
    ['ft:gpt-4.1-mini-2025-04-14:org::id', '0.8'],
    ['ft:o4-mini-2025-04-16:org::id', '4'],
    ['ft:gpt-3.5-turbo-0125:org::id', '3'],
  ])('fine-tuned %s: %s per million', (model, price) => expect(amount(model, tokens)).toBe(price));

  it('a fine-tuned model of no known price has none, also when the request named the base', () => {
    expect(reason('ft:gpt-5-2025-08-07:org::id', tokens)).toMatch(/fine-tuned model/);
    expect(reason('gpt-5', tokens, { responseModel: 'ft:gpt-5-2025-08-07:org::id' })).toMatch(/fine-tuned model/);
    expect(reason('ft:gpt-4-0613:org::id', tokens)).toMatch(/fine-tuned/);
    expect(amount('ft:gpt-4o-mini-2024-07-18:org::id', { input: M, output: 0, cacheRead: M })).toBe('0.15');
    expect(amount('ft:gpt-4o-mini-2024-07-18:org::id', tokens, { serviceTier: 'batch' })).toBe('0.15');
    expect(reason('ft:gpt-4o-mini-2024-07-18:org::id', tokens, { serviceTier: 'priority' })).toMatch(/service tier/);
  });

  it.each([
    ['groq', 'llama-3.3-70b-versatile', '0.59'],
    ['deepseek', 'deepseek-chat', '0.28'],
    ['mistral_ai', 'mistral-large-latest', undefined],
    ['mistral_ai', 'mistral-small-latest', '0.15'],
    ['x_ai', 'grok-4.7', '2'],
    ['openrouter', 'openai/gpt-4o-mini', '0.15'],
    ['openrouter', 'deepseek/deepseek-r1:free', '0'],
    ['x_ai', 'grok-4-0709', '3'],
    ['together_ai', 'meta-llama/Llama-3.3-70B-Instruct-Turbo', undefined],
    ['fireworks', 'accounts/fireworks/models/llama-v3p1-8b-instruct', undefined],
    ['perplexity', 'sonar', undefined],
    ['anthropic', 'claude-sonnet-4-5', '3'],
    ['gcp.gemini', 'gemini-2.5-flash', '0.3'],
  ])('%s prices %s', (provider, model, price) => {
    const found = amount(model, { input: 100_000, output: 0 }, { provider, service: provider });
    if (price === undefined) expect(found).toMatch(/^\d+(\.\d+)?$/);
    else expect(found).toBe(sumAmounts([`${Number(price) / 10}`]));
  });

  it('a price per request is added once', () => {
    const perplexity = { service: 'perplexity' };
    const empty = Number(amount('sonar', { input: 0, output: 0 }, perplexity));
    expect(empty).toBeGreaterThan(0);
    expect(Number(amount('sonar', { input: M, output: 0 }, perplexity))).toBeGreaterThan(empty);
  });

  it.each(['openai_compatible', 'vllm', 'openai-proxy', 'localhost'])(
    'unknown provider %s has no prices',
    (provider) => {
      expect(reason('gpt-4o', tokens, { provider, service: provider })).toBe(
        `no prices are known for provider ${provider}`,
      );
    },
  );
});

describe('absurd input', () => {
  it.each<[TokenUsage, RegExp]>([
    [{ input: -1, output: 0 }, /input \(-1\)/],
    [{ input: 0, output: -5 }, /output \(-5\)/],
    [{ input: Number.NaN, output: 0 }, /input \(NaN\)/],
    [{ input: Number.POSITIVE_INFINITY, output: 0 }, /input \(Infinity\)/],
    [{ input: 1.5, output: 0 }, /input \(1.5\)/],
    [{ input: 2 ** 60, output: 0 }, /input \(1152921504606847000\) is beyond 2\^53/],
    [{ input: 2 ** 53, output: 0 }, /beyond 2\^53/],
    [{ input: 10, output: 0, cacheRead: 11 }, /cacheRead \(11\) exceeds input \(10\)/],
    [{ input: 10, output: 0, cacheWrite: 11 }, /cacheWrite \(11\) exceeds input/],
    [{ input: 10, output: 0, cacheRead: 6, cacheWrite: 6 }, /together exceed input \(10\)/],
    [{ input: 10, output: 5, reasoning: 6 }, /reasoning \(6\) exceeds output \(5\)/],
    [{ input: 10, output: 5, outputAudio: 6 }, /outputAudio \(6\) exceeds output/],
    [{ input: 10, output: 5, outputAudio: 3, reasoning: 3 }, /together exceed output/],
    [{ input: 10, output: 5, inputAudio: 11 }, /inputAudio \(11\) exceeds/],
    [
      { input: 10, output: 5, cacheRead: 2, cacheReadAudio: 3, inputAudio: 4 },
      /cacheReadAudio \(3\) exceeds cacheRead \(2\)/,
    ],
    [{ input: 10, output: 5, cacheRead: Number.NaN }, /cacheRead \(NaN\)/],
    [{ input: '7' as unknown as number, output: 0 }, /input is not a number \(string\)/],
    [{ input: null as unknown as number, output: 0 }, /input is not a number \(null\)/],
    [{ input: 7 } as unknown as TokenUsage, /output is not a number \(undefined\)/],
    [{ input: 9_000_000_000_000, output: 0 }, /ledger holds less than 1000000/],
  ])('%j has no price', (tokens, why) => {
    expect(reason('gpt-4o', tokens)).toMatch(why);
  });

  it('never throws, whatever it is given', () => {
    const trap = new Proxy(
      {},
      {
        get: () => {
          throw new Error('trap');
        },
      },
    ) as unknown as PriceRequest;
    for (const bad of [
      trap,
      undefined,
      null,
      7,
      {},
      { at: 'today' },
      { at: new Date(Number.NaN) },
      request('gpt-4o', trap as unknown as TokenUsage),
    ]) {
      const price = book.price(bad as PriceRequest);
      expect(price.amount).toBeUndefined();
      expect(price).toMatchObject({ reason: expect.stringMatching(/./), version: book.version });
    }
    expect(reason('x'.repeat(10_000), { input: 1, output: 1 })).toBe(
      'model is 10000 characters long: no price has such a name',
    );
    for (const model of ['__proto__', 'constructor', "'; DROP TABLE", 'a\nb', '😀', 'toString']) {
      expect(reason(model, { input: 1, output: 1 })).toMatch(/no price is known/);
    }
  });

  it('keeps answering fast and right after a flood of names', () => {
    for (let i = 0; i < 3_000; i++) book.price(request(`model-${i}`, { input: 1, output: 1 }));
    expect(amount('gpt-4o-mini', { input: 100, output: 20 })).toBe('0.000027');
  });
});

describe('things priced per unit', () => {
  it('prices by the unit, exactly', () => {
    const speech = (model: string, unit: string, quantity: string) =>
      book.price(request(model, undefined, { operation: 'speech', unit, quantity })).amount;
    expect(speech('tts-1', 'character', '1000')).toBe('0.015');
    expect(speech('whisper-1', 'minute', '2.5')).toBe('0.015');
    expect(speech('whisper-1', 'second', '7')).toBe('0.0007');
    expect(speech('whisper-1', 'hour', '1')).toBeUndefined();
  });

  it('says what has no price', () => {
    const sms = { service: 'acme', operation: 'send', unit: 'segment' };
    expect(reason(undefined, undefined, sms)).toBe('no price is known for acme send per segment');
    expect(reason('gpt-4o', undefined)).toMatch(/no token counts were reported for model gpt-4o/);
  });
});

describe('loading', () => {
  it('logs nothing and has no problems without a file', () => {
    const error = vi.spyOn(diag, 'error');
    vi.stubEnv('CLIENT_COST_PRICES', '');
    expect(loadPriceBook().problems).toEqual([]);
    expect(error).not.toHaveBeenCalled();
  });

  it('prices in under 3 µs once a model has been seen', () => {
    const call = { ...request('gpt-4o-mini', { input: 1000, output: 100, cacheRead: 500, reasoning: 10 }) };
    const calls = 50_000;
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 5; round++) {
      const start = process.cpuUsage();
      for (let i = 0; i < calls; i++) book.price(call);
      const { user, system } = process.cpuUsage(start);
      best = Math.min(best, (user + system) / calls);
    }
    expect(best).toBeLessThan(3);
  });

  it('warms up without throwing, more than once', () => {
    const fresh = loadPriceBook({ userFile: '' });
    fresh.warm();
    fresh.warm();
    expect(fresh.price(request('gpt-4o', { input: 1, output: 0 })).amount).toBe('0.0000025');
  });
});
