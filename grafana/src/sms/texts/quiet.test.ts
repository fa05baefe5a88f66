import { expect, test } from 'vitest';
import { quietUntil } from './quiet.ts';

const night = { from: '22:00', to: '07:00', timeZone: 'America/Denver' };
const until = (at: string, quiet = night) => {
  const end = quietUntil(quiet, Date.parse(at));
  return end === undefined ? undefined : new Date(end).toISOString();
};

test('across midnight, in the zone', () => {
  expect(until('2026-11-15T04:59:59Z')).toBeUndefined();
  expect(until('2026-11-15T05:00:00Z')).toBe('2026-11-15T14:00:00.000Z');
  expect(until('2026-11-15T13:59:59Z')).toBe('2026-11-15T14:00:00.000Z');
  expect(until('2026-11-15T14:00:00Z')).toBeUndefined();
});

test('within one day, and none at all', () => {
  const noon = { from: '12:00', to: '13:30', timeZone: 'Asia/Kolkata' };
  expect(until('2026-11-15T06:30:00Z', noon)).toBe('2026-11-15T08:00:00.000Z');
  expect(until('2026-11-15T08:00:00Z', noon)).toBeUndefined();
  expect(until('2026-11-15T05:00:00Z', { ...night, to: '22:00' })).toBeUndefined();
  expect(quietUntil(undefined, 0)).toBeUndefined();
});

test('clocks put forward: 7 o’clock is an hour sooner', () => {
  // 2026-03-08, 02:00 MST becomes 03:00 MDT.
  expect(until('2026-03-08T05:30:00Z')).toBe('2026-03-08T13:00:00.000Z');
  // An end within the hour that does not exist: when it is over.
  expect(until('2026-03-08T05:30:00Z', { ...night, to: '02:30' })).toBe('2026-03-08T09:00:00.000Z');
});

test('clocks put back: 7 o’clock is an hour later', () => {
  // 2026-11-01, 02:00 MDT becomes 01:00 MST.
  expect(until('2026-11-01T05:30:00Z')).toBe('2026-11-01T14:00:00.000Z');
});
