import { expect, it } from 'vitest';
import { uuidv7 } from './uuid.ts';

it('makes UUIDv7s that only grow, also within a millisecond and when the clock goes back', () => {
  const now = Date.now();
  const ids = [
    ...Array.from({ length: 20_000 }, () => uuidv7(now)),
    uuidv7(now - 60_000),
    ...Array.from({ length: 1_000 }, () => uuidv7()),
  ];
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(ids).toEqual([...ids].sort());
  expect(new Set(ids).size).toBe(ids.length);
});

it('carries the time', () => {
  const future = Date.now() + 3_600_000;
  expect(Number.parseInt(uuidv7(future).replaceAll('-', '').slice(0, 12), 16)).toBe(future);
});

it('follows a clock that was hours ahead and is set right: else the ledger would refuse every later id', () => {
  const now = Date.now();
  uuidv7(now + 400 * 86_400_000);
  const id = uuidv7(now);
  expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(now);
  expect(uuidv7(now) > id).toBe(true);
});

it.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, -1, 2 ** 48, 1e300])(
  'a clock that says %s makes no id that is none',
  (time) => {
    for (const now of [time, Date.now() + time, time]) {
      expect(uuidv7(now)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  },
);
