import type { ClientAlertState } from '../../../clickhouse/src/alerts/index.ts';
import type { ClientRecord } from '../../../clickhouse/src/queries/index.ts';
import type { Charge } from './support.ts';

// The rules of docs/alerts.md once more, in whole 10^-12 dollars and fractions compared crosswise: no rounding, none of the view's formulas.
const ONE = 10n ** 12n;

export const pico = (amount: string): bigint => {
  const [whole = '0', fraction = ''] = amount.split('.');
  return BigInt(whole) * ONE + BigInt(fraction.padEnd(12, '0'));
};

type Limits = Pick<
  ClientRecord,
  'active' | 'monthlyWarning' | 'monthlyCritical' | 'spikePercent' | 'spikeCriticalPercent' | 'anomalyPercent'
>;

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const or = (value: string | null, otherwise: bigint): bigint => (value === null ? otherwise : pico(value));

/** `threshold:critical` of what fires as of a day. */
export function expectedFiring(charges: readonly Charge[], limits: Limits, asOf: string): string[] {
  const [year, month, day] = asOf.split('-').map(Number) as [number, number, number];
  const monthOf = (offset: number): string => new Date(Date.UTC(year, month - 1 + offset, 1)).toISOString().slice(0, 7);
  const total = (offset: number, through = 31): bigint =>
    charges
      .filter(([, at]) => at.startsWith(monthOf(offset)) && Number(at.slice(8)) <= through && at <= asOf)
      .reduce((sum, [, , cost]) => sum + pico(cost), 0n);
  const daysInMonth = BigInt(new Date(Date.UTC(year, month, 0)).getUTCDate());

  const warning = or(limits.monthlyWarning, min(50n * ONE, or(limits.monthlyCritical, 50n * ONE)));
  const critical = or(limits.monthlyCritical, max(100n * ONE, or(limits.monthlyWarning, 0n)));
  const spikes: [string, bigint][] = [
    ['warning', or(limits.spikePercent, 50n * ONE)],
    ['critical', or(limits.spikeCriticalPercent, max(100n * ONE, or(limits.spikePercent, 0n)))],
  ];
  const anomaly = or(limits.anomalyPercent, 150n * ONE);

  const fires: string[] = [];
  const cost = total(0);
  const before = total(0, day - 1);
  if (cost > 0n && cost >= warning) fires.push('threshold:warning');
  if (cost > 0n && cost >= critical) fires.push('threshold:critical');

  const previous = total(-1);
  const firstDay = charges
    .map(([, at]) => at)
    .filter((at) => at.startsWith(monthOf(-1)))
    .sort()[0];
  const wasThere = charges.some(([, at]) => at.startsWith(monthOf(-2))) || Number(firstDay?.slice(8) ?? 31) <= 2;
  // cost / base >= 1 + percent / 100
  const reaches = (amount: bigint, base: bigint, percent: bigint): boolean =>
    base > 0n && amount * 100n * ONE >= base * (100n * ONE + percent);
  for (const [severity, percent] of spikes) {
    const same = wasThere && day >= 4 && reaches(cost, total(-1, day), percent);
    const sameBefore = wasThere && day > 4 && total(-1, day) > 0n && reaches(before, total(-1, day - 1), percent);
    if (cost >= ONE && (reaches(cost, previous, percent) || same || sameBefore)) fires.push(`spike:${severity}`);
  }

  // cost / days × days of the month >= critical × percent / 100
  const projects = (amount: bigint, days: number): boolean =>
    amount * daysInMonth * 100n * ONE >= critical * anomaly * BigInt(days);
  const now = projects(cost, day) && (day >= 4 || cost >= warning);
  const held = day > 1 && projects(before, day - 1) && (day > 4 || before >= warning);
  if (cost > 0n && (now || held)) fires.push('anomaly:warning');
  return limits.active ? fires : [];
}

export const firingOf = (states: readonly ClientAlertState[], clientId: string, month: string): string[] =>
  states
    .filter((state) => state.clientId === clientId && state.month === month && state.firing)
    .map(({ alertType, severity }) => `${alertType}:${severity}`);
