/** One column of ClickHouse's answer (`meta` of the format JSONCompact). */
export interface Column {
  readonly name: string;
  readonly type: string;
}

export type Cell = string | number | boolean | null;

/** How a query's `format` is to be read: 0 time series, 1 table. */
export type QueryFormat = 0 | 1;

export interface FrameField {
  readonly name: string;
  /** What panels see. A Decimal is a number (float64), a Date or DateTime a time in milliseconds, an Array or Map `other` (JSON). */
  readonly type: 'number' | 'string' | 'time' | 'boolean' | 'other';
  /** Which series of a time series it is. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly values: readonly Cell[];
}

export interface Frame {
  readonly fields: readonly FrameField[];
}

const TYPES: readonly (readonly [pattern: RegExp, type: FrameField['type']])[] = [
  [/^(U?Int(8|16|32|64)|Float(32|64))$/, 'number'],
  [/^Decimal\d*\(/, 'number'],
  [/^Bool$/, 'boolean'],
  [/^(Date|Date32|DateTime|DateTime64)(\(|$)/, 'time'],
  [/^(String|FixedString\(\d+\)|Enum(8|16)\(.*\)|IPv[46])$/, 'string'],
  [/^(Array|Map|Tuple|JSON|Nested|Variant|Dynamic)\b/, 'other'],
];

/**
 * What the plugin makes of a ClickHouse type.
 *
 * @throws Error on types that it has no conversion of its own for (UUID, LowCardinality of a number, UInt128 …): cast those in the query
 */
export function fieldType({ name, type }: Column): FrameField['type'] {
  const bare = type
    .replace(/^Nullable\((.*)\)$/, '$1')
    .replace(/^LowCardinality\((?:Nullable\()?((?:Fixed)?String(?:\(\d+\))?)\)+$/, '$1');
  const found = TYPES.find(([pattern]) => pattern.test(bare));
  if (found === undefined)
    throw new Error(`Column "${name}" is ${type}: the plugin has no conversion for it; cast it, to a String perhaps`);
  return found[1];
}

const isNullable = (type: string): boolean =>
  type.startsWith('Nullable(') || type.startsWith('LowCardinality(Nullable(');

function timeOf({ name, type }: Column, text: string): number {
  const zone = /'([^']+)'/.exec(type)?.[1] ?? 'UTC';
  if (zone !== 'UTC') throw new Error(`Column "${name}" is ${type}: only UTC is shown here`);
  const ms = Date.parse(
    text.includes(':') ? `${text.replace(' ', 'T').replace(/(\.\d{3})\d+$/, '$1')}Z` : `${text}T00:00:00Z`,
  );
  if (Number.isNaN(ms)) throw new Error(`Column "${name}": ${text} is no time`);
  return ms;
}

function cell(column: Column, type: FrameField['type'], value: unknown): Cell {
  if (value === null || value === undefined) {
    // ClickHouse writes nan and inf as null.
    if (type === 'number' && !isNullable(column.type))
      throw new Error(`Column "${column.name}": a value is nan or infinite`);
    return null;
  }
  switch (type) {
    case 'number':
      return Number(value);
    case 'time':
      return timeOf(column, String(value));
    case 'boolean':
      return Boolean(value);
    case 'string':
      return String(value);
    default:
      return JSON.stringify(value);
  }
}

/** Rows as the plugin reads them, column by column. */
function read(columns: readonly Column[], rows: readonly (readonly unknown[])[]): FrameField[] {
  const names = new Set<string>();
  return columns.map((column, index) => {
    if (names.has(column.name)) throw new Error(`Two columns are called "${column.name}"`);
    names.add(column.name);
    const type = fieldType(column);
    return { name: column.name, type, values: rows.map((row) => cell(column, type, row[index])) };
  });
}

/** Long rows (time, texts, numbers) to one field per number and set of texts, over distinct times; where a series has no point: null. */
function longToWide(fields: readonly FrameField[]): Frame {
  const time = fields.find(({ type }) => type === 'time') as FrameField;
  const factors = fields.filter(({ type }) => type === 'string' || type === 'boolean');
  const numbers = fields.filter(({ type }) => type === 'number');
  const times: number[] = [];
  const series = new Map<string, { name: string; labels: Record<string, string>; at: Map<number, Cell> }>();
  for (let row = 0; row < time.values.length; row += 1) {
    const now = time.values[row];
    if (typeof now !== 'number') throw new Error(`Column "${time.name}": a time series has no empty times`);
    const last = times.at(-1);
    if (last !== undefined && now < last) throw new Error('A time series must be sorted by time: add ORDER BY');
    if (last !== now) times.push(now);
    const labels = Object.fromEntries(factors.map(({ name, values }) => [name, String(values[row])]));
    for (const { name, values } of numbers) {
      const key = JSON.stringify([name, labels]);
      const one = series.get(key) ?? { name, labels, at: new Map<number, Cell>() };
      series.set(key, one);
      one.at.set(times.length - 1, values[row] as Cell);
    }
  }
  const wide = [...series.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([, { name, labels, at }]): FrameField => ({
        name,
        type: 'number',
        labels,
        values: times.map((_, index) => at.get(index) ?? null),
      }),
    );
  return { fields: [{ name: time.name, type: 'time', values: times }, ...wide] };
}

/**
 * The data frames that a panel gets for ClickHouse's answer. A table is one frame with the columns as they are; a time series of time, texts and
 * numbers becomes one number field per series, and no rows become no frame at all.
 *
 * @throws Error where the plugin fails (unsorted time series) or shows nonsense (nan, types that it does not know)
 */
export function toFrame(
  columns: readonly Column[],
  rows: readonly (readonly unknown[])[],
  format: QueryFormat,
): Frame[] {
  const fields = read(columns, rows);
  if (format === 1) return [{ fields }];
  if (rows.length === 0) return [];
  const kinds = fields.map(({ type }) => type);
  const long =
    kinds.includes('time') && kinds.includes('number') && (kinds.includes('string') || kinds.includes('boolean'));
  if (!kinds.includes('time')) throw new Error('A time series needs a time column');
  return [long ? longToWide(fields) : { fields }];
}

/**
 * What is wrong with the answer of an alert rule's query: Grafana wants a table of exactly one number and any number of texts, which become the labels
 * of an alert, each set of them once. Nothing else may be in it.
 *
 * @returns one sentence per problem; none when it is good
 */
export function ruleFrameProblems(columns: readonly Column[], rows: readonly (readonly unknown[])[]): string[] {
  const fields = read(columns, rows);
  const problems: string[] = [];
  const numbers = fields.filter(({ type }) => type === 'number').map(({ name }) => name);
  if (numbers.length !== 1)
    problems.push(`one column must be a number; ${numbers.length === 0 ? 'none is' : `${numbers.join(', ')} are`}`);
  for (const { name, type, values } of fields) {
    if (type !== 'number' && type !== 'string') problems.push(`"${name}" is a ${type}; a label must be a String`);
    if (type === 'string' && values.includes(null)) problems.push(`"${name}" is NULL in a row; a label must be a text`);
  }
  const labels = fields.filter(({ type }) => type === 'string');
  const seen = new Set<string>();
  for (let row = 0; row < rows.length; row += 1) {
    const key = JSON.stringify(labels.map(({ values }) => values[row]));
    if (seen.has(key)) problems.push(`two rows have the labels ${key}`);
    seen.add(key);
  }
  return problems;
}
