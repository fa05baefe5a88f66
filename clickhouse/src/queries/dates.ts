/** An argument that cannot be used; the message names it and says what is expected. */
export class QueryInputError extends RangeError {
  override readonly name = 'QueryInputError';
}

/** Days of a period, both included, as YYYY-MM-DD (UTC). */
export interface Period {
  readonly from: string;
  readonly to: string;
}

// ClickHouse's Date ends in 2149; a month's neighbours must fit too.
const FIRST_YEAR = 1971;
const LAST_YEAR = 2148;

/** A day YYYY-MM-DD that exists. Throws QueryInputError naming `what`. */
export function checkDay(what: string, value: unknown): string {
  const match = typeof value === 'string' ? /^(\d{4})-(\d{2})-(\d{2})$/.exec(value) : null;
  if (match !== null && inRange(match[1]!)) {
    const date = new Date(`${value}T00:00:00Z`);
    if (!Number.isNaN(date.getTime()) && date.toISOString().slice(0, 10) === value) return value as string;
  }
  throw new QueryInputError(`${what} ${show(value)}: expected a day that exists, like 2026-02-28`);
}

/** A month YYYY-MM. Throws QueryInputError naming `what`. */
export function checkMonth(what: string, value: unknown): string {
  const match = typeof value === 'string' ? /^(\d{4})-(0[1-9]|1[0-2])$/.exec(value) : null;
  if (match !== null && inRange(match[1]!)) return value as string;
  throw new QueryInputError(`${what} ${show(value)}: expected a month, like 2026-02`);
}

/** Checks both ends and their order. */
export function checkPeriod(period: Period): Period {
  const from = checkDay('from', period.from);
  const to = checkDay('to', period.to);
  if (from > to) throw new QueryInputError(`from ${from} is after to ${to}`);
  return { from, to };
}

/** A client id: any text but the empty one. */
export function checkClientId(value: unknown): string {
  if (typeof value !== 'string' || value === '')
    throw new QueryInputError('client id: expected a text that is not empty');
  return value;
}

function inRange(year: string): boolean {
  return Number(year) >= FIRST_YEAR && Number(year) <= LAST_YEAR;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** Today in UTC: bills do not depend on where the reader sits. */
export function utcDay(now: Date = new Date()): string {
  return now.toISOString().slice(0, 10);
}

/** First and last day of a month. */
export function monthPeriod(month: string): Period {
  checkMonth('month', month);
  return { from: `${month}-01`, to: `${month}-${String(daysInMonth(month)).padStart(2, '0')}` };
}

export function daysInMonth(month: string): number {
  const [year, number] = month.split('-').map(Number) as [number, number];
  return new Date(Date.UTC(year, number, 0)).getUTCDate();
}

/** The day `days` later (earlier when negative). */
export function addDays(day: string, days: number): string {
  return utcDay(new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000));
}

/** Every day of a period, in order. */
export function daysOf({ from, to }: Period): string[] {
  const days: string[] = [];
  for (let day = from; day <= to; day = addDays(day, 1)) days.push(day);
  return days;
}
