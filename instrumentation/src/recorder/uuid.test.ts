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
