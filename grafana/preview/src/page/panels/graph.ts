import { type DataFrame, type Field, FieldType, type GrafanaTheme2, getDisplayProcessor } from '@grafana/data';
import { LegendDisplayMode, type VizLegendOptions } from '@grafana/ui';

const LEGEND = { displayMode: LegendDisplayMode.List, placement: 'bottom', showLegend: true, calcs: [] };

export const legendOf = (legend: object | undefined): VizLegendOptions =>
  ({ ...LEGEND, ...legend }) as VizLegendOptions;

/** Gives each series of numbers (not the x field) its place in the palette, and the text of its values. */
export function placeInPalette(
  frames: readonly DataFrame[],
  theme: GrafanaTheme2,
  isX: (field: Field) => boolean,
): DataFrame[] {
  let seriesIndex = 0;
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((field) => {
      if (field.type !== FieldType.number || isX(field)) return field;
      const placed = { ...field, state: { ...field.state, seriesIndex: seriesIndex++ } };
      placed.display = getDisplayProcessor({ field: placed, theme, timeZone: 'utc' });
      return placed;
    }),
  }));
}
