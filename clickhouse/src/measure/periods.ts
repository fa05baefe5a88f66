/** The same day `months` later; the month's last day where it has no such day: 31 January, 28 February, 31 March. */
export function monthsLater(day: string, months: number): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  const last = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  return new Date(Date.UTC(year, month - 1 + months, Math.min(date, last))).toISOString().slice(0, 10);
}

/**
 * The first days of the months that have begun since something was bought. Twilio bills a number on its day of each month.
 *
 * @param bought when the first month began
 * @param since first day that is wanted; default: the current month and the one before
 * @returns days YYYY-MM-DD (UTC), oldest first
 */
export function periodsOf(bought: Date, now: Date, since?: string): string[] {
  const first = bought.toISOString().slice(0, 10);
  const today = now.toISOString().slice(0, 10);
  const all: string[] = [];
  for (let index = 0; ; index += 1) {
    const day = monthsLater(first, index);
    if (day > today) break;
    all.push(day);
  }
  return since === undefined ? all.slice(-2) : all.filter((day) => day >= since);
}
