// As it was when we were loaded: an application that fakes its clock later still pays on the days that are.
const SystemDate = Date;
const systemNow = Date.now;
let last = 0;

/** Milliseconds since the epoch; where the clock says what is no time, by the process's own age, or as said last. Never throws. */
export function currentMillis(): number {
  let now = Number.NaN;
  try {
    now = systemNow();
    if (!isTime(now)) now = Math.floor(performance.timeOrigin + performance.now());
  } catch {
    // As said last.
  }
  if (isTime(now)) last = now;
  return last;
}

/** The time now, always a valid one. */
export function currentTime(): Date {
  return new SystemDate(currentMillis());
}

/** The dates that a `Date` can have, from the epoch on. */
function isTime(millis: unknown): boolean {
  return typeof millis === 'number' && millis >= 0 && millis <= 8.64e15;
}
