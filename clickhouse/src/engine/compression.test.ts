import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { decoder, encoder, negotiate } from './compression.ts';

describe('compression', () => {
  it('takes what the client wants most of what is known', () => {
    expect(negotiate('gzip')).toBe('gzip');
    expect(negotiate('lz4, gzip;q=0.5, zstd;q=0.8')).toBe('zstd');
    expect(negotiate('x-gzip')).toBe('gzip');
    expect(negotiate('gzip;q=0, identity')).toBeUndefined();
    expect(negotiate('*')).toBeUndefined();
    expect(negotiate(undefined)).toBeUndefined();
  });
  it.each(['gzip', 'deflate', 'br', 'zstd'] as const)('reads back what it writes in %s', async (encoding) => {
    const write = encoder(encoding);
    const back = decoder(encoding)!;
    write.pipe(back);
    write.end('row\n'.repeat(10_000));
    expect(await text(back)).toBe('row\n'.repeat(10_000));
  });
  it('leaves plain bodies alone and names an unknown encoding', () => {
    expect(decoder(undefined)).toBeUndefined();
    expect(decoder('identity')).toBeUndefined();
    expect(() => decoder('lz4')).toThrow(/"lz4".*gzip, deflate, br and zstd/);
  });
});
