import type { QuietHours } from '../types.ts';

const formats = new Map<string, Intl.DateTimeFormat>();

/** Minutes since midnight of the wall clock there. */
function wallMinutes(at: number, timeZone: string): number {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
    formats.set(timeZone, format);
  }
  return minutesOf(format.format(at));
}

function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}

/**
 * When the quiet hours that `at` is in end, Unix milliseconds: the first minute at which the wall clock there is outside of them, so a clock that is
 * put forward or back in between is counted right. Undefined outside of quiet hours. The same `from` and `to` are no quiet hours at all.
 */
export function quietUntil(quiet: QuietHours | undefined, at: number): number | undefined {
  if (quiet === undefined) return undefined;
  const [from, to] = [minutesOf(quiet.from), minutesOf(quiet.to)];
  const inside = (time: number): boolean => {
    const wall = wallMinutes(time, quiet.timeZone);
    return from <= to ? wall >= from && wall < to : wall >= from || wall < to;
  };
  if (!inside(at)) return undefined;
  let end = Math.floor(at / 60_000) * 60_000;
  // Bounded: a day and the hour of a clock put back.
  for (let minute = 0; minute < 25 * 60 + 1; minute++) {
    end += 60_000;
    if (!inside(end)) return end;
  }
  return end;
}
