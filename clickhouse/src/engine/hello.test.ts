import { describe, expect, it } from 'vitest';
import { helloBlock, isHello } from './hello.ts';

describe('hello', () => {
  it('knows the question of clickhouse-go', () => {
    expect(isHello('SELECT displayName(), version(), revision(), timezone()')).toBe(true);
    expect(isHello('SELECT displayName(), version(), revision(), timezone() FROM t')).toBe(false);
  });
  it('answers revision 0 in a block of protocol 54460', () => {
    const block = helloBlock({ name: 'h', version: '26.7', timezone: 'UTC' }, 54460);
    const info = '0100' + '02ffffffff' + '00';
    expect(block.toString('hex').startsWith(`${info}0401`)).toBe(true);
    expect(block.includes(Buffer.from('\x0arevision()\x06UInt32\0\0\0\0\0', 'latin1'))).toBe(true);
    expect(block.subarray(-4).toString()).toBe('\x03UTC');
  });
  it('writes sizes over 127 in two bytes', () => {
    const block = helloBlock({ name: 'x'.repeat(300), version: '', timezone: '' }, 0);
    expect(block.includes(Buffer.concat([Buffer.from([0xac, 0x02]), Buffer.from('xxx')]))).toBe(true);
  });
});
