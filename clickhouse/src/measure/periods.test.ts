import { expect, test } from 'vitest';
import { monthsLater, periodsOf } from './periods.ts';

const at = (day: string) => new Date(`${day}T13:45:00Z`);

test('the 31st is the last day of shorter months, and the 31st again in longer ones', () => {
  expect([0, 1, 2, 3, 11, 12, 13].map((months) => monthsLater('2027-01-31', months))).toEqual([
    '2027-01-31',
    '2027-02-28',
    '2027-03-31',
    '2027-04-30',
    '2027-12-31',
    '2028-01-31',
    '2028-02-29',
  ]);
});

test('months that have begun, the last two where nothing is said', () => {
  const all = ['2026-01-15', '2026-02-15', '2026-03-15'];
  expect(periodsOf(at('2026-01-15'), at('2026-04-14'), '2000-01-01')).toEqual(all);
  expect(periodsOf(at('2026-01-15'), at('2026-04-15'), '2000-01-01')).toEqual([...all, '2026-04-15']);
  expect(periodsOf(at('2026-01-15'), at('2026-04-14'))).toEqual(all.slice(1));
  expect(periodsOf(at('2026-01-15'), at('2026-04-14'), '2026-02-16')).toEqual(['2026-03-15']);
  expect(periodsOf(at('2026-04-14'), at('2026-04-14'))).toEqual(['2026-04-14']);
  expect(periodsOf(at('2026-04-15'), at('2026-04-14'))).toEqual([]);
});
