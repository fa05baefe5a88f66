import { expect, test } from 'vitest';
import {
  addDays,
  checkClientId,
  checkDay,
  checkMonth,
  checkPeriod,
  daysInMonth,
  daysOf,
  monthPeriod,
  QueryInputError,
  utcDay,
} from './dates.ts';

test.each(['2026-02-29', '2026-13-01', '2026-1-1', '', 'today', '0001-01-01', '2999-01-01', null, 20260101])(
  '%j is no day',
  (value) => {
    expect(() => checkDay('from', value)).toThrow(QueryInputError);
    expect(() => checkDay('from', value)).toThrow(/^from /);
  },
);

test.each(['2026-00', '2026-13', '2026-1', '2026-01-01', '', undefined])('%j is no month', (value) => {
  expect(() => checkMonth('month', value)).toThrow(/expected a month/);
});

test('leap years', () => {
  expect(checkDay('day', '2024-02-29')).toBe('2024-02-29');
  expect([daysInMonth('2024-02'), daysInMonth('2026-02'), daysInMonth('2100-02')]).toEqual([29, 28, 28]);
  expect(monthPeriod('2024-02')).toEqual({ from: '2024-02-01', to: '2024-02-29' });
  expect(addDays('2024-02-28', 1)).toBe('2024-02-29');
  expect(addDays('2024-01-01', -1)).toBe('2023-12-31');
});

test('periods', () => {
  expect(daysOf({ from: '2026-12-31', to: '2027-01-01' })).toEqual(['2026-12-31', '2027-01-01']);
  expect(() => checkPeriod({ from: '2026-02-02', to: '2026-02-01' })).toThrow('from 2026-02-02 is after to 2026-02-01');
});

test('days are UTC whatever the offset of the clock that is asked', () => {
  expect(utcDay(new Date('2026-01-01T01:00:00+02:00'))).toBe('2025-12-31');
});

test('a client id is any text but the empty one', () => {
  expect(checkClientId("'; DROP TABLE x")).toBe("'; DROP TABLE x");
  expect(() => checkClientId('')).toThrow(/not empty/);
});
