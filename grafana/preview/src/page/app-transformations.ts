import {
  type ConfigOverrideRule,
  type DataFrame,
  type Field,
  FieldType,
  fieldMatchers,
  getFieldDisplayName,
  reduceField,
  ThresholdsMode,
} from '@grafana/data';

// Two transformations that are part of Grafana's application and in none of its packages; the rest come from @grafana/data.

/** One refId's options of "Time series to table". */
type SeriesOptions = Readonly<Record<string, { readonly stat?: string; readonly timeField?: string }>>;

/** "Time series to table": each series becomes a row of its labels and of a cell that holds the series. Other frames stay. */
function timeSeriesTable(frames: readonly DataFrame[], options: SeriesOptions): DataFrame[] {
  const isSeries = (frame: DataFrame) =>
    frame.fields.some(({ type }) => type === FieldType.time) && frame.fields.some(({ labels }) => labels !== undefined);
  const tables = [...Map.groupBy(frames.filter(isSeries), (frame) => frame.refId ?? '')].map(([refId, group]) => {
    const { stat = 'lastNotNull', timeField } = options[refId] ?? {};
    const labels = new Map<string, Field>();
    const trend: Field = { name: `Trend #${refId}`, type: FieldType.frame, config: {}, values: [] };
    for (const frame of group) {
      const time = frame.fields.find(({ name, type }) =>
        timeField === undefined ? type === FieldType.time : name === timeField,
      );
      for (const field of frame.fields) {
        if (time === undefined || field.type !== FieldType.number) continue;
        for (const [name, value] of Object.entries(field.labels ?? {})) {
          const column = labels.get(name) ?? { name, type: FieldType.string, config: {}, values: [] };
          labels.set(name, column);
          column.values[trend.values.length] = value;
        }
        const value = reduceField({ field, reducers: [stat] })[stat] ?? null;
        trend.values.push({ refId, fields: [time, field], length: frame.length, value });
      }
    }
    return { refId, fields: [...labels.values(), trend], length: trend.values.length };
  });
  return [...frames.filter((frame) => !isSeries(frame)), ...tables];
}

interface ConfigOptions {
  readonly configRefId?: string;
  readonly applyTo?: ConfigOverrideRule['matcher'];
  readonly mappings?: readonly {
    readonly fieldName: string;
    readonly handlerKey: string;
    readonly reducerId?: string;
    readonly handlerArguments?: { readonly threshold?: { readonly color?: string } };
  }[];
}

/** "Config from query results", as far as dashboards here use it: thresholds, minimum, maximum, unit, name and colour from another query. */
function configFromData(frames: readonly DataFrame[], options: ConfigOptions): DataFrame[] {
  const source = frames.find((frame) => frame.refId === (options.configRefId ?? 'config'));
  if (source === undefined) return [...frames];
  const config: Record<string, unknown> = {};
  const steps: { value: number; color: string }[] = [];
  for (const field of source.fields) {
    const name = getFieldDisplayName(field, source);
    const mapping = options.mappings?.find(({ fieldName }) => fieldName === name);
    const key = mapping?.handlerKey ?? name.toLowerCase();
    const reducer = mapping?.reducerId ?? 'lastNotNull';
    const value = reduceField({ field: { ...field, state: null }, reducers: [reducer] })[reducer] as unknown;
    if (value === null || value === undefined || key === '__ignore') continue;
    if (key === 'threshold1')
      steps.push({ value: Number(value), color: mapping?.handlerArguments?.threshold?.color ?? 'red' });
    else if (['min', 'max', 'decimals'].includes(key)) config[key] = Number(value);
    else if (['unit', 'displayName'].includes(key)) config[key] = String(value);
    else if (key === 'color') config.color = { mode: 'fixed', fixedColor: value };
    else if (mapping !== undefined) throw new Error(`The preview does not know the handler "${key}" of configFromData`);
  }
  if (steps.length > 0) config.thresholds = { mode: ThresholdsMode.Absolute, steps };
  const matcherConfig = options.applyTo ?? { id: 'numeric' };
  const matches = fieldMatchers.get(matcherConfig.id).get(matcherConfig.options);
  return frames
    .filter((frame) => frame !== source || frames.length === 1)
    .map((frame) => ({
      ...frame,
      fields: frame.fields.map((field) =>
        matches(field, frame, [...frames]) ? { ...field, config: { ...field.config, ...config } } : field,
      ),
    }));
}

/** By the transformation's id. */
export const appTransformations: Readonly<
  Record<string, (frames: readonly DataFrame[], options: never) => DataFrame[]>
> = {
  timeSeriesTable,
  configFromData,
};
