import { expect, test } from 'vitest';
import { csv, formatChange, formatCount, formatUsd, printable, roundDecimal, subtractDecimals } from './format.ts';

test.each([
  ['0', '$0.00'],
  ['0.000027', '$0.000027'],
  ['0.000000000001', '$0.000000000001'],
  ['0.0000001234567', '$0.000000123457'],
  ['0.5', '$0.50'],
  ['5.8074795', '$5.80748'],
  ['27', '$27.00'],
  ['99.9999999', '$100.00'],
  ['123.456', '$123.46'],
  ['1234567.895', '$1,234,567.90'],
  ['-0.25', '-$0.25'],
  [null, '–'],
])('formatUsd(%s) is %s', (value, shown) => {
  expect(formatUsd(value)).toBe(shown);
});

test.each([
  ['0.125', 2, '0.13'],
  ['0.124', 2, '0.12'],
  ['9.999', 2, '10.00'],
  ['-0.125', 2, '-0.13'],
  ['-0.001', 2, '0.00'],
  ['1.5', 0, '2'],
  ['99999999999999999999.995', 2, '100000000000000000000.00'],
] as const)('roundDecimal(%s, %i) is %s', (value, decimals, rounded) => {
  expect(roundDecimal(value, decimals)).toBe(rounded);
});

test('subtractDecimals is exact where binary floats are not', () => {
  expect(subtractDecimals('0.3', '0.1')).toBe('0.2');
  expect(subtractDecimals('1', '0.000000000001', '1')).toBe('-0.000000000001');
  expect(subtractDecimals('100', '100')).toBe('0');
});

test('changes and counts', () => {
  expect([null, 0, 12, -3, 1500].map(formatChange)).toEqual(['–', '0 %', '+12 %', '-3 %', '+1,500 %']);
  expect([formatCount(1234567), formatCount('1234.5')]).toEqual(['1,234,567', '1,234.5']);
});

test('printable shows control characters and cuts long texts', () => {
  expect(printable('a\u001b[31m\n\u202eb')).toBe('a\\u001b[31m\\u000a\\u202eb');
  expect([...printable('\u{1F4A9}'.repeat(100))]).toHaveLength(48);
});

test('csv quotes what needs it', () => {
  expect(
    csv(
      ['a', 'b'],
      [
        ['x,"y"\n', null],
        [1, true],
      ],
    ),
  ).toBe('a,b\r\n"x,""y""\n",\r\n1,true\r\n');
});
