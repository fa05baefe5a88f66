/** Median, least and greatest of a series of measurements. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly n: number;
}

export function summarize(values: readonly number[]): Summary {
  if (values.length === 0) throw new Error('No measurement to summarise');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)!, n: sorted.length };
}

/** `12.3 (11.9–14.0)`. */
export function range(summary: Summary, digits = 1): string {
  const text = (value: number) => value.toFixed(digits);
  return `${text(summary.median)} (${text(summary.min)}–${text(summary.max)})`;
}
