import type { LedgerRow } from '../corrections/index.ts';

const MINUTE = 60_000;

/**
 * The time in which most of what was recorded is to be found at the provider: from a little before (clocks differ) to an hour after (queues).
 * What was scheduled or captured later is asked for by itself.
 *
 * @param rows at least one
 * @returns ISO times of whole seconds
 */
export function around(rows: readonly LedgerRow[]): { readonly from: string; readonly to: string } {
  const times = rows.map(({ time }) => time).sort();
  const whole = (text: string, minutes: number): string =>
    new Date(Date.parse(text) + minutes * MINUTE).toISOString().replace(/\.\d+Z$/, 'Z');
  return { from: whole(times[0]!, -10), to: whole(times.at(-1)!, 60) };
}
