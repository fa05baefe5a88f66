import { expect, it } from 'vitest';
import { range, summarize } from './stats.ts';

it('takes the middle of an odd series and the mean of the middle two of an even one', () => {
  expect(summarize([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3, n: 3 });
  expect(summarize([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4, n: 4 });
  expect(() => summarize([])).toThrow(/No measurement/);
});

it('prints the median with its range', () => {
  expect(range(summarize([1, 2, 30]), 0)).toBe('2 (1–30)');
});
