import {
  applyFieldOverrides,
  type ConfigOverrideRule,
  type DataFrame,
  type DataTransformerConfig,
  dateTime,
  type FieldConfigSource,
  type GrafanaTheme2,
  type InterpolateFunction,
  type TimeRange,
  transformDataFrame,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';
import type { PanelJson, Picture, TimeRangeMs } from '../types.ts';
import { appTransformations } from './app-transformations.ts';
import { toFrames } from './frames.ts';
import { fieldConfigRegistry, fieldDefaults } from './setup.ts';

/** A panel ready to be drawn. */
export interface PanelData {
  readonly panel: PanelJson;
  readonly frames: DataFrame[];
  readonly fieldConfig: FieldConfigSource;
  readonly errors: readonly string[];
  readonly timeRange: TimeRange;
  readonly timeRangeNote: string | undefined;
}

const STANDARD = [
  'unit',
  'decimals',
  'min',
  'max',
  'fieldMinMax',
  'displayName',
  'noValue',
  'thresholds',
  'mappings',
  'links',
  'color',
  'filterable',
  'description',
];

/** Plain objects are merged, the second wins; lists and values are replaced. */
function merge(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    const both = [before, value].every((one) => typeof one === 'object' && one !== null && !Array.isArray(one));
    merged[key] = both ? merge(before as Record<string, unknown>, value as Record<string, unknown>) : value;
  }
  return merged;
}

/** JSON has no -Infinity: the first step of thresholds is null there. */
function withInfinity(fieldConfig: Record<string, unknown>): Record<string, unknown> {
  const thresholds = fieldConfig.thresholds as { steps?: { value: number | null }[] } | undefined;
  for (const step of thresholds?.steps ?? []) step.value ??= Number.NEGATIVE_INFINITY;
  return fieldConfig;
}

function fieldConfigOf(panel: PanelJson): FieldConfigSource {
  const defaults = merge(fieldDefaults(panel.type), structuredClone(panel.fieldConfig?.defaults ?? {}));
  const overrides = structuredClone(panel.fieldConfig?.overrides ?? []) as ConfigOverrideRule[];
  for (const { properties } of overrides) {
    for (const property of properties) {
      if (property.id === 'thresholds') withInfinity({ thresholds: property.value });
    }
  }
  return { defaults: withInfinity(defaults), overrides } as FieldConfigSource;
}

export function timeRangeOf({ from, to }: TimeRangeMs): TimeRange {
  const [fromTime, toTime] = [dateTime(from).utc(), dateTime(to).utc()];
  return { from: fromTime, to: toTime, raw: { from: fromTime, to: toTime } };
}

async function transform(panel: PanelJson, frames: DataFrame[], replace: InterpolateFunction): Promise<DataFrame[]> {
  let current = frames;
  for (const transformation of (panel.transformations ?? []) as DataTransformerConfig[]) {
    if (transformation.disabled === true) continue;
    const own = appTransformations[transformation.id];
    current =
      own === undefined
        ? await lastValueFrom(transformDataFrame([transformation], current, { interpolate: replace }))
        : own(current, (transformation.options ?? {}) as never);
  }
  return current;
}

/** Results → frames → transformations → field configuration, in Grafana's order. */
export async function preparePanel(
  panel: PanelJson,
  picture: Picture,
  theme: GrafanaTheme2,
  replace: InterpolateFunction,
): Promise<PanelData> {
  const { results = [], range = picture.range } = picture.panels[panel.id] ?? {};
  const fieldConfig = fieldConfigOf(panel);
  const properties = fieldConfig.overrides.flatMap((rule) => rule.properties.map((property) => property.id));
  const custom = Object.keys((fieldConfig.defaults.custom ?? {}) as object).map((name) => `custom.${name}`);
  const data = await transform(panel, results.flatMap(toFrames), replace);
  const frames = applyFieldOverrides({
    data,
    fieldConfig,
    fieldConfigRegistry: fieldConfigRegistry([...STANDARD, ...custom, ...properties]) as never,
    replaceVariables: replace,
    theme,
    timeZone: 'utc',
  });
  return {
    panel,
    frames,
    fieldConfig,
    errors: results.flatMap((result) => ('error' in result ? [result.error] : [])),
    timeRange: timeRangeOf(range),
    timeRangeNote: panel.timeFrom !== undefined && panel.hideTimeOverride !== true ? range.label : undefined,
  };
}
