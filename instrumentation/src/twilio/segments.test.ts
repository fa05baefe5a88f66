import fc from 'fast-check';
import { SegmentedMessage } from 'sms-segments-calculator';
import { expect, it } from 'vitest';
import { countSegments } from './segments.ts';

it.each([
  ['a'.repeat(160), 1],
  ['a'.repeat(161), 2],
  ['a'.repeat(306), 2],
  ['a'.repeat(307), 3],
  ['a'.repeat(1600), 11],
  // An extension character takes two.
  [`${'a'.repeat(158)}€`, 1],
  [`${'a'.repeat(159)}€`, 2],
  ['{'.repeat(80), 1],
  ['{'.repeat(81), 2],
  // Not parted: 153 leaves one septet over.
  ['{'.repeat(153), 3],
  ['é'.repeat(160), 1],
  // One character outside GSM-7 and all of it is UCS-2.
  ['я'.repeat(70), 1],
  ['я'.repeat(71), 2],
  ['я'.repeat(134), 2],
  ['я'.repeat(135), 3],
  [`${'a'.repeat(160)}я`, 3],
  [`${'a'.repeat(69)}’`, 1],
  [`${'a'.repeat(70)}’`, 2],
  ['😀'.repeat(35), 1],
  ['😀'.repeat(36), 2],
  ['👨‍👩‍👧‍👦'.repeat(7), 2],
])('%j makes %i', (text, count) => {
  expect(countSegments(text)).toBe(count);
});

it('Smart Encoding replaces typographic characters first', () => {
  const text = `“${'a'.repeat(100)}”`;
  expect(countSegments(text)).toBe(2);
  expect(countSegments(text, true)).toBe(1);
});

it.each([[''], [undefined], [null], [5], [{}], ['a'.repeat(1601)]])('%o has no count', (text) => {
  expect(countSegments(text)).toBeUndefined();
});

it('texts that the library is not asked for have the count it would give', () => {
  const char = fc.constantFrom(...' \n@$abcXYZ019!?*éя€{~^|’😀`\t'.split(/(?:)/u));
  const text = fc.oneof(
    fc.array(fc.constantFrom(...' \nabcXYZ019!?*_$@'), { minLength: 1, maxLength: 700 }),
    fc.array(char, { minLength: 1, maxLength: 70 }),
  );
  fc.assert(
    fc.property(text, (chars) => {
      const body = chars.join('');
      expect(countSegments(body)).toBe(new SegmentedMessage(body).segmentsCount);
    }),
    { numRuns: 150 },
  );
});
