import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { calcPrice, type ModelInfo, type Provider, waitForUpdate } from '@pydantic/genai-prices';
import { beforeAll, describe, expect, it } from 'vitest';
import { LIBRARY_VERSION, libraryPrice } from './library.ts';
import { tokenPlan } from './plan.ts';

const AT = new Date('2026-11-22T12:00:00Z');

let providers: Provider[];
beforeAll(async () => {
  providers = (await waitForUpdate()) ?? [];
});

/** A name that the model's own match logic accepts. */
function nameOf(model: ModelInfo): string {
  const literal = (match: ModelInfo['match']): string | undefined => {
    if ('or' in match) return match.or.map(literal).find((text) => text !== undefined);
    if ('and' in match) return undefined;
    return 'regex' in match ? undefined : Object.values(match)[0];
  };
  return (literal(model.match) ?? model.id).toLowerCase();
}

describe('genai-prices behind the adapter', () => {
  it('is the version that the price book says it is', () => {
    const main = require.resolve('@pydantic/genai-prices');
    const installed = JSON.parse(readFileSync(join(dirname(main), '..', 'package.json'), 'utf8'));
    expect(LIBRARY_VERSION).toBe(installed.version);
  });

  it('prices every model of every provider as the library does, without its floats', () => {
    const reasons = new Map<string, number>();
    let compared = 0;
    for (const provider of providers) {
      for (const model of provider.models) {
        const name = nameOf(model);
        const answer = libraryPrice(provider.id, name, AT);
        if (answer.reason !== undefined) {
          const kind = answer.reason.replaceAll(name, 'NAME').replaceAll(provider.id, 'PROVIDER');
          reasons.set(kind, (reasons.get(kind) ?? 0) + 1);
          continue;
        }
        const theirs = calcPrice({ input_tokens: 300_123, cache_read_tokens: 1_000, output_tokens: 321 }, name, {
          providerId: provider.id,
          timestamp: AT,
        });
        const ours = tokenPlan(answer.price).apply({ input: 300_123, cacheRead: 1_000, output: 321 }, '1');
        if (ours.amount === undefined) {
          // A missing meter counts as 0 there; here there is no sum.
          expect(ours.reason).toMatch(/no rate for (input|output) tokens/);
          continue;
        }
        compared++;
        const total = theirs?.total_price ?? Number.NaN;
        // Our last decimal is 1e-12 USD: the price of one token may be near it.
        expect(Math.abs(Number(ours.amount) - total), `${provider.id} ${name}`).toBeLessThanOrEqual(
          total * 1e-12 + 1e-12,
        );
      }
    }
    expect(compared).toBeGreaterThan(1_300);
    // Only these kinds of models have no price here.
    for (const kind of reasons.keys())
      expect(kind).toMatch(/is also priced by|is not priced by tokens|has tiered prices/);
  });

  it('prices every OpenAI model with cached and audio tokens as the library does', () => {
    const openai = providers.find((provider) => provider.id === 'openai');
    let compared = 0;
    for (const model of openai?.models ?? []) {
      const name = nameOf(model);
      const answer = libraryPrice('openai', name, AT);
      if (answer.price?.rates.audio_input === undefined || answer.price.rates.audio_output === undefined) continue;
      const theirs = calcPrice(
        {
          input_tokens: 1_000,
          cache_read_tokens: 300,
          input_audio_tokens: 500,
          cache_audio_read_tokens: 100,
          output_tokens: 200,
          output_audio_tokens: 150,
        },
        name,
        { providerId: 'openai', timestamp: AT },
      );
      const ours = tokenPlan(answer.price).apply(
        { input: 1_000, cacheRead: 300, inputAudio: 500, cacheReadAudio: 100, output: 200, outputAudio: 150 },
        '1',
      );
      const total = theirs?.total_price ?? Number.NaN;
      compared++;
      expect(Math.abs(Number(ours.amount) - total), name).toBeLessThanOrEqual(total * 1e-12);
    }
    expect(compared).toBeGreaterThan(3);
  });

  it('takes exact provider ids only', () => {
    for (const provider of ['openai_compatible', 'my-openai-proxy', 'OPENAI', '', '__proto__', 'constructor']) {
      expect(libraryPrice(provider, 'gpt-4o', AT)).toMatchObject({
        known: false,
        reason: expect.stringContaining('no prices'),
      });
    }
  });

  it('never lets a fine-tuned model pass for its base', () => {
    for (const name of [
      'ft:gpt-4-0613:org::id',
      'ft:gpt-5:org::id',
      'gpt-4o-2024-08-06.ft-abc',
      'ft:text-moderation',
    ]) {
      const answer = libraryPrice('openai', name, AT);
      expect(answer.price, name).toBeUndefined();
    }
    expect(libraryPrice('openai', 'ft:gpt-4o-mini-2024-07-18:org::id', AT).price).toBeDefined();
  });

  it('knows prices that change within the day', () => {
    const models = providers.find((provider) => provider.id === 'deepseek')?.models ?? [];
    const timed = models.filter(
      ({ prices }) => Array.isArray(prices) && prices.some((price) => price.constraint?.type === 'time_of_date'),
    );
    expect(timed.length).toBeGreaterThan(0);
    for (const model of timed) expect(libraryPrice('deepseek', nameOf(model), AT)).toMatchObject({ holds: 'minute' });
    expect(libraryPrice('openai', 'gpt-4o', AT)).toMatchObject({ holds: 'day' });
  });
});
