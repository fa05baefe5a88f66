import fc from 'fast-check';
import { choosePeriod } from '../../../../clickhouse/dist/cli/report.js';
import {
  addDays,
  checkDay,
  checkMonth,
  checkPeriod,
  daysInMonth,
  daysOf,
  monthPeriod,
} from '../../../../clickhouse/dist/queries/dates.js';
import { derivedUsageId } from '../../../../instrumentation/dist/recorder/derived-id.js';
import { uuidv7 } from '../../../../instrumentation/dist/recorder/uuid.js';
import type { Fault } from '../../support/fault.ts';
import { mutated } from '../../support/fuzz-decimals.ts';
import { drive, outcomeOf, target } from '../../support/fuzz-drive.ts';

const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const timeIn = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 23);

/** What a clock says after the last id: it stands, runs, jumps, is set back, is mocked into nonsense. */
const clocks = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 2 }).map((by) => ({ by })) },
  { weight: 4, arbitrary: fc.integer({ min: -HOUR, max: HOUR }).map((by) => ({ by })) },
  { weight: 2, arbitrary: fc.double({ min: 0, max: 3, noNaN: true }).map((by) => ({ by })) },
  { weight: 1, arbitrary: fc.integer({ min: -400 * DAY, max: 400 * DAY }).map((by) => ({ by })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(-1, Number.NaN, Infinity, -Infinity, -8.64e15, 2 ** 48, 1e300).map((at) => ({ at })),
  },
);

const seen = new Set<string>();
let last = uuidv7(NOW);

/** Ids in a row: each is a UUIDv7, new, greater than the ones before; a clock that is set back by more than an hour is followed. */
const ids = target({
  name: 'ids under any clock',
  inputs: fc.array(clocks, { minLength: 50, maxLength: 50 }),
  weight: 50,
  share: 3,
  check(steps) {
    for (const step of steps) {
      const before = timeIn(last);
      // Steps of years must not leave the years that there are.
      const now = 'at' in step ? step.at : before + step.by > 0 ? before + step.by : NOW;
      const id = uuidv7(now);
      if (!UUID7.test(id)) return `${now} gave ${id}`;
      if (seen.has(id)) return `${id} was made twice`;
      const setBack = now >= 0 && Math.floor(now) < before - HOUR;
      if (setBack ? timeIn(id) !== Math.floor(now) : id <= last) return `${now} gave ${id} after ${last}`;
      if (!setBack && now < 2 ** 48 && timeIn(id) < Math.floor(now)) return `${now} gave ${id}`;
      seen.add(id);
      last = id;
    }
    return undefined;
  },
});

/** A flood within one millisecond, then a clock that goes back. */
const flood = target({
  name: 'ids in a flood',
  inputs: fc.integer({ min: 1, max: HOUR / 2 }),
  weight: 10_000,
  check(back) {
    // One millisecond holds 4096 ids; what is over borrows from the next ones.
    const now = timeIn(last) + 1;
    for (let i = 0; i < 10_000; i++) {
      const id = uuidv7(i % 2 === 0 ? now : now - back);
      if (id <= last || !UUID7.test(id)) return `${id} came after ${last}`;
      last = id;
    }
    return undefined;
  },
});

const derivedBy = new Map<string, string>();
const derived = target({
  name: 'derived ids',
  inputs: fc.tuple(
    fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ maxLength: 4 })),
    fc.date({ min: new Date(0), max: new Date('2149-01-01'), noInvalidDate: true }),
    fc.integer({ min: 0, max: DAY - 1 }),
  ),
  share: 2,
  check([key, at, later]) {
    const id = derivedUsageId(key, at);
    if (!UUID7.test(id)) return `gave ${id}`;
    const day = Math.floor(at.getTime() / DAY) * DAY;
    if (timeIn(id) !== day) return `${id} has the time ${new Date(timeIn(id)).toISOString()}`;
    if (derivedUsageId(key, new Date(day + later)) !== id) return 'another time of the same day gave another id';
    if (derivedUsageId(key, new Date(day + DAY)) === id) return 'the next day gave the same id';
    // Half a surrogate pair becomes U+FFFD on its way through UTF-8: such keys are one key.
    const name = `${day} ${key.toWellFormed()}`;
    const before = derivedBy.get(id);
    derivedBy.set(id, name);
    return before === undefined || before === name ? undefined : `${JSON.stringify(before)} has the same id`;
  },
});

const leap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
const lengthOf = (year: number, month: number): number =>
  month === 2 ? (leap(year) ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
const two = (n: number): string => String(n).padStart(2, '0');

const dayTexts = fc
  .tuple(fc.integer({ min: 1960, max: 2160 }), fc.integer({ min: 0, max: 13 }), fc.integer({ min: 0, max: 32 }))
  .map(([year, month, day]) => `${year}-${two(month)}-${two(day)}`);
const ODD_DAYS = [
  '',
  '2026-2-3',
  '20260203',
  '2026-02-03T00:00:00Z',
  '٢٠٢٦-02-03',
  '2026-02-3٣',
  '2026-02-28\n',
  ' 2026-02-28',
  '02026-02-28',
];
const anyDay = fc.oneof(
  { weight: 6, arbitrary: dayTexts },
  { weight: 2, arbitrary: mutated(dayTexts) },
  fc.constantFrom<unknown>(...ODD_DAYS, null, undefined, 20260203, new Date(), ['2026-02-03'], { day: 1 }),
);

/** Whether a text is a day of the years that are taken, by the calendar and not by `Date`. */
function isDay(text: unknown): text is string {
  if (typeof text !== 'string' || text.length !== 10) return false;
  const parts = text.split('-');
  if (parts.length !== 3 || parts.some((part, i) => part.length !== (i === 0 ? 4 : 2))) return false;
  if ([...parts.join('')].some((c) => c < '0' || c > '9')) return false;
  const [year, month, day] = parts.map(Number) as [number, number, number];
  return year >= 1971 && year <= 2148 && month >= 1 && month <= 12 && day >= 1 && day <= lengthOf(year, month);
}

/** What it returns, or the name of the error that it throws. */
function attempt<T>(run: () => T): { value?: T; error?: Error } {
  try {
    return { value: run() };
  } catch (error) {
    return { error: error as Error };
  }
}

const days = target({
  name: 'days and months',
  inputs: fc.tuple(anyDay, anyDay, fc.integer({ min: -800, max: 800 })),
  share: 3,
  check([from, to, steps]) {
    const one = attempt(() => checkDay('from', from));
    if ((one.error === undefined && one.value === from) !== isDay(from))
      return `checkDay: ${one.error?.message ?? 'taken'}`;
    if (one.error && (one.error.name !== 'QueryInputError' || one.error.message.length > 200)) return String(one.error);
    const both = attempt(() => checkPeriod({ from: from as string, to: to as string }));
    if ((both.value !== undefined) !== (isDay(from) && isDay(to) && from <= to)) return 'checkPeriod';
    const month = typeof from === 'string' ? from.slice(0, 7) : from;
    const whole = attempt(() => checkMonth('month', month));
    if ((whole.value !== undefined) !== isDay(`${month}-01`)) return `checkMonth ${whole.error?.message ?? 'taken'}`;
    if (!isDay(from)) return undefined;
    const [year, number, day] = from.split('-').map(Number) as [number, number, number];
    if (daysInMonth(from.slice(0, 7)) !== lengthOf(year, number)) return 'daysInMonth';
    const period = monthPeriod(from.slice(0, 7));
    if (daysOf(period).length !== lengthOf(year, number)) return 'daysOf';
    // Step by step through the calendar.
    let [y, m, d] = [year, number, day];
    for (let i = 0; i < Math.abs(steps); i++) {
      if (steps > 0) {
        if (++d > lengthOf(y, m)) [d, m] = [1, m + 1];
        if (m > 12) [m, y] = [1, y + 1];
      } else if (--d < 1) {
        if (--m < 1) [m, y] = [12, y - 1];
        d = lengthOf(y, m);
      }
    }
    const expected = `${y}-${two(m)}-${two(d)}`;
    return addDays(from, steps) === expected ? undefined : `${steps} days later: ${addDays(from, steps)}`;
  },
});

const optional = fc.option(anyDay as fc.Arbitrary<string>, { nil: undefined });
const periods = target({
  name: "the command's periods",
  inputs: fc.tuple(optional, optional, optional),
  share: 2,
  check([month, from, to]) {
    const options = Object.fromEntries(
      Object.entries({ month, from, to }).filter(([, value]) => value !== undefined),
    ) as { month?: string; from?: string; to?: string };
    const { value, error } = attempt(() => choosePeriod(options, '2026-11-23'));
    if (error)
      return /Error$/.test(error.name) &&
        error.message.length < 300 &&
        !/ is not a function|undefined|Cannot read/.test(error.message)
        ? undefined
        : `${error.name}: ${error.message}`;
    return value !== undefined ? undefined : 'nothing was chosen';
  },
});

const fault: Fault = {
  id: 'fuzz-ids',
  hop: 'fuzz',
  fault: 'usage ids under clocks that stand, jump and go back; derived ids; any text as a day, a month or a period',
  promises: ['ledger-calendar'],
  times: { short: 3000, long: 60_000 },
  timeoutSeconds: 240,
  async run(run) {
    return outcomeOf(await drive(run, [ids, flood, derived, days, periods]));
  },
};

export default fault;
