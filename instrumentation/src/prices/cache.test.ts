import { describe, expect, it } from 'vitest';
import { ResolvedCache } from './cache.ts';

const key = { service: 'openai', operation: 'chat_completion', unit: 'request' };
const DAY = 86_400_000;

describe('ResolvedCache', () => {
  it('tells apart all that decides the price', () => {
    const cache = new ResolvedCache();
    const keys = [
      { ...key, model: 'a' },
      { ...key, model: 'a', tokens: {} },
      { ...key, model: 'a', responseModel: 'b' },
      { ...key, model: 'a', serviceTier: 'flex' },
      { ...key, model: 'a', provider: 'azure' },
      { ...key, model: 'a', service: 'azure_openai' },
      { ...key, model: 'a', operation: 'response' },
      { ...key, model: 'a', unit: 'token' },
    ];
    for (const [index, each] of keys.entries()) cache.set(each, 0, { reason: String(index) });
    for (const [index, each] of keys.entries()) expect(cache.get({ ...each }, 0)).toEqual({ reason: String(index) });
  });

  it('holds for the UTC day, or the minute', () => {
    const cache = new ResolvedCache();
    cache.set(key, DAY, { reason: 'day' });
    expect(cache.get(key, 2 * DAY - 1)?.reason).toBe('day');
    expect(cache.get(key, 2 * DAY)).toBeUndefined();
    expect(cache.get(key, DAY - 1)).toBeUndefined();
    const timed = { ...key, model: 'timed' };
    cache.set(timed, 0, { reason: 'minute', minute: 0 });
    expect(cache.get(timed, 59_999)?.reason).toBe('minute');
    expect(cache.get(timed, 60_000)).toBeUndefined();
  });

  it('is bounded, also for one name', () => {
    const cache = new ResolvedCache();
    for (let i = 0; i < 5_000; i++) cache.set({ ...key, model: `m${i}` }, 0, {});
    expect(cache.size).toBeLessThanOrEqual(500);
    for (let i = 0; i < 5_000; i++) cache.set({ ...key, model: 'one' }, i * DAY, {});
    expect(cache.size).toBeLessThanOrEqual(516);
    expect(cache.get({ ...key, model: 'one' }, 4_999 * DAY)).toBeDefined();
  });
});
