/** What Grafana makes of the answer to a rule's query (pkg/expr/converter.go), from ClickHouse's JSONCompact. */

export interface CompactAnswer {
  readonly meta: readonly { readonly name: string; readonly type: string }[];
  readonly data: readonly (readonly unknown[])[];
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  /** NaN for NULL. */
  readonly value: number;
}

const NUMERIC = /^(Nullable\()?(U?Int\d+|Float\d+|Decimal\(.*\))\)?$/;
const STRING = /^(LowCardinality\()?(Nullable\()?String\)*$/;

/**
 * A table with exactly one numeric column and none but String beside it is a set of numbers, labelled by the strings.
 *
 * @throws Error as Grafana's error where the table is not such a one, or two rows have the same labels
 */
export function samplesOf(answer: CompactAnswer): readonly Sample[] {
  const numeric = answer.meta.flatMap(({ type }, index) => (NUMERIC.test(type) ? [index] : []));
  const others = answer.meta.filter(({ type }) => !NUMERIC.test(type) && !STRING.test(type));
  if (numeric.length !== 1 || others.length > 0) {
    const columns = answer.meta.map(({ name, type }) => `${name} ${type}`).join(', ');
    throw new Error(`input data must be a wide series but got type not: one number and strings only, not ${columns}`);
  }
  const samples = answer.data.map((row) => ({
    labels: Object.fromEntries(
      answer.meta.flatMap(({ name }, index) => (index === numeric[0] ? [] : [[name, String(row[index] ?? '')]])),
    ),
    value: row[numeric[0]!] === null ? Number.NaN : Number(row[numeric[0]!]),
  }));
  const seen = new Set<string>();
  for (const { labels } of samples) {
    const key = keyOf(labels);
    if (seen.has(key))
      throw new Error(`frame cannot uniquely be identified by its labels: has duplicate results with labels {${key}}`);
    seen.add(key);
  }
  return samples;
}

/** Label sets are the same where this is the same. */
export function keyOf(labels: Readonly<Record<string, string>>): string {
  return Object.keys(labels)
    .sort()
    .map((name) => `${name}=${labels[name]}`)
    .join(', ');
}
