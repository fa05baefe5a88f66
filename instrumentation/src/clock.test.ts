import { afterEach, expect, it, vi } from 'vitest';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** The clock as it is when our code is loaded. */
async function loaded() {
  vi.resetModules();
  return import('./clock.ts');
}

it('an application that fakes its clock after us does not fake the day of its charges', async () => {
  const { currentTime } = await loaded();
  const before = Date.now();
  vi.spyOn(Date, 'now').mockReturnValue(0);
  vi.stubGlobal('Date', class Fake {});
  expect(currentTime().getTime()).toBeGreaterThanOrEqual(before);
  expect(currentTime().getTime()).toBeLessThan(before + 60_000);
});

it.each([Number.NaN, Number.POSITIVE_INFINITY, -1, 8.64e15 + 1, 'soon'])(
  'where the clock says %s before us, the process’s age does',
  async (said) => {
    const before = Date.now();
    vi.spyOn(Date, 'now').mockReturnValue(said as number);
    const { currentMillis, currentTime } = await loaded();
    expect(Math.abs(currentMillis() - before)).toBeLessThan(60_000);
    expect(Number.isNaN(currentTime().getTime())).toBe(false);
  },
);

it('a clock that throws says what it said last', async () => {
  const now = vi.spyOn(Date, 'now').mockReturnValue(1_790_000_000_000);
  const { currentMillis } = await loaded();
  expect(currentMillis()).toBe(1_790_000_000_000);
  now.mockImplementation(() => {
    throw new Error('no clock');
  });
  expect(currentMillis()).toBe(1_790_000_000_000);
});
