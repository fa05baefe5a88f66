import { describe, expect, it } from 'vitest';
import { MAX_CLIENT_ID_LENGTH, normalizeClientId } from './client-id.ts';

const normal = (id: unknown) => normalizeClientId(id, 'test');

describe('normalizeClientId', () => {
  it.each([
    'acme',
    ' spaces kept ',
    `quotes ' " \` and \\`,
    'line\nbreak\r\n\ttab\u0000nul',
    "'; DROP TABLE usage_events; --",
    '🦊 émoji 客户',
    'x'.repeat(MAX_CLIENT_ID_LENGTH),
  ])('keeps %j as it is', (id) => {
    expect(normal(id)).toBe(id);
  });

  it.each([[''], [undefined], [null], [5], [{}], [['a']]])('refuses %j', (id) => {
    expect(normal(id)).toBeUndefined();
  });

  it('makes lone surrogates well-formed', () => {
    expect(normal('a\ud800b')).toBe('a\ufffdb');
  });

  it('shortens long ids deterministically and keeps two of them two', () => {
    const long = 'a'.repeat(10_000);
    const short = normal(long);
    expect(short).toHaveLength(MAX_CLIENT_ID_LENGTH);
    expect(short).toMatch(/^a+~[0-9a-f]{32}$/);
    expect(normal(long)).toBe(short);
    expect(normal(`${long}b`)).not.toBe(short);
  });

  it('does not cut a surrogate pair in two', () => {
    expect(normal('🦊'.repeat(200))?.isWellFormed()).toBe(true);
    expect(normal(`x${'🦊'.repeat(200)}`)?.isWellFormed()).toBe(true);
  });
});
