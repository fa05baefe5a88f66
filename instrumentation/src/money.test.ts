import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  add,
  type Decimal,
  decimalOf,
  formatAmount,
  multiply,
  parseAmount,
  parseDecimal,
  rescale,
  shift,
  sumAmounts,
  toAmount,
} from './money.ts';

/** An independent reading of a plain decimal: digits and number of decimals, no trimming. */
const plain = fc
  .record({
    whole: fc.bigInt({ min: 0n, max: 10n ** 15n }),
    fraction: fc.stringMatching(/^\d{0,12}$/),
    neg: fc.boolean(),
  })
  .map(({ whole, fraction, neg }) => `${neg ? '-' : ''}${whole}${fraction && `.${fraction}`}`);

describe('money', () => {
  it.each([
    ['0.15', 150_000_000_000n],
    ['27', 27_000_000_000_000n],
    ['1e-7', 100_000n],
    ['.5', 500_000_000_000n],
    ['5.', 5_000_000_000_000n],
    ['-0', 0n],
    [' 2.50 ', 2_500_000_000_000n],
    [0.1, 100_000_000_000n],
    [1e-7, 100_000n],
    [3.125, 3_125_000_000_000n],
    [2 ** 53, 9_007_199_254_740_992_000_000_000_000n],
  ])('reads %j exactly', (text, pico) => expect(parseAmount(text)).toBe(pico));

  it.each([
    '',
    '.',
    '-',
    '1,5',
    '0x10',
    '1e',
    '1_000',
    'NaN',
    'Infinity',
    '1 2',
    '１',
    '1e99',
    `0.${'1'.repeat(41)}`,
    '9'.repeat(200),
  ])('refuses %j with its name', (text) => {
    const result = parseDecimal(text);
    expect(result.ok).toBe(false);
    if (!result.ok) expect(result.problem).toContain(JSON.stringify(text.slice(0, 20)).slice(1, -1));
    expect(() => decimalOf(text)).toThrow(RangeError);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, null, undefined, {}, [], true, () => 1, Symbol('x')])(
    'refuses a value that is no decimal (%#)',
    (value) => expect(parseDecimal(value).ok).toBe(false),
  );

  it('rounds half to even at 12 decimals, and only there', () => {
    const round = (text: string) => formatAmount(toAmount(decimalOf(text)));
    expect(round('0.0000000000005')).toBe('0');
    expect(round('0.0000000000015')).toBe('0.000000000002');
    expect(round('0.0000000000025')).toBe('0.000000000002');
    expect(round('0.00000000000250000001')).toBe('0.000000000003');
    expect(round('-0.0000000000015')).toBe('-0.000000000002');
    expect(round('-0.0000000000005')).toBe('0');
    expect(round('0.123456789012')).toBe('0.123456789012');
  });

  it('adds a hundred thousand calls of 0.000027 to 2.7', () => {
    expect(sumAmounts(Array<string>(100_000).fill('0.000027'))).toBe('2.7');
    expect(sumAmounts([])).toBe('0');
    expect(() => sumAmounts(['1', 'x'])).toThrow(/"x"/);
  });

  it('is its own inverse: format, parse', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), (pico) => {
        const text = formatAmount(pico);
        expect(text).toMatch(/^-?(0|[1-9]\d*)(\.\d{0,11}[1-9])?$/);
        expect(parseAmount(text)).toBe(pico);
      }),
    );
  });

  it('reads what a naive shift of digits reads', () => {
    fc.assert(
      fc.property(plain, (text) => {
        const [whole = '', fraction = ''] = text.split('.');
        expect(parseAmount(text)).toBe(BigInt(`${whole}${fraction.padEnd(12, '0')}`));
      }),
    );
  });

  it('takes a number as its shortest literal', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-12, max: 1e12, noNaN: true }), (value) => {
        const { coefficient, scale } = decimalOf(value);
        expect(Number(`${coefficient}e-${scale}`)).toBe(value);
      }),
    );
  });

  it('multiplies and adds without loss', () => {
    const decimal = fc.record({ coefficient: fc.bigInt({ min: 0n, max: 10n ** 20n }), scale: fc.nat(12) });
    const at = (d: Decimal, scale: number) => rescale(d.coefficient, d.scale, scale);
    fc.assert(
      fc.property(decimal, decimal, decimal, (a, b, c) => {
        const left = multiply(a, add(b, c));
        const right = add(multiply(a, b), multiply(a, c));
        expect(at(left, 60)).toBe(at(right, 60));
        expect(at(shift(a, 6), 60) * 1_000_000n).toBe(at(a, 60));
      }),
    );
  });

  it('rounds to within half a unit, exactly when it can', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n }), fc.integer({ min: 13, max: 24 }), (n, scale) => {
        const unit = 10n ** BigInt(scale - 12);
        const error = rescale(n, scale, 12) * unit - n;
        expect((error < 0n ? -error : error) * 2n <= unit).toBe(true);
        expect(rescale(n * unit, scale, 12)).toBe(n);
      }),
    );
  });
});
