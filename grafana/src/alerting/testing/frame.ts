import { type Column, ruleFrameProblems } from '../../plugin/frame.ts';

/** ClickHouse's answer in the format JSONCompact. */
export interface CompactAnswer {
  readonly meta: readonly Column[];
  readonly data: readonly (readonly unknown[])[];
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  /** NaN for NULL. */
  readonly value: number;
}

/**
 * The set of numbers that Grafana makes of such an answer (pkg/expr/converter.go): one number per row, labelled by the row's strings.
 *
 * @throws Error where the table is not one number and strings, or two rows have the same labels: Grafana's rule would be in error
 */
export function samplesOf({ meta, data }: CompactAnswer): readonly Sample[] {
  const problems = ruleFrameProblems(meta, data);
  if (problems.length > 0) throw new Error(problems.join('; '));
  const number = meta.findIndex(({ type }) => !type.includes('String'));
  return data.map((row) => ({
    labels: Object.fromEntries(
      meta.flatMap(({ name }, index) => (index === number ? [] : [[name, String(row[index])]])),
    ),
    value: row[number] === null ? Number.NaN : Number(row[number]),
  }));
}

/** Label sets are the same where this is the same. */
export function keyOf(labels: Readonly<Record<string, string>>): string {
  return Object.keys(labels)
    .sort()
    .map((name) => `${name}=${labels[name]}`)
    .join(', ');
}
