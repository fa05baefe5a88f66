import {
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  SortOrder,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import type { ChartParts } from '../kit/charts.ts';
import { fixed } from '../kit/colors.ts';
import { DATASOURCE, seriesQuery } from '../kit/query.ts';

/**
 * Lines over the time picker's range; a column `time` in ascending order, then one line a column, in the given colours.
 *
 * @param interval shortest distance of two points
 */
export function lines(
  parts: ChartParts,
  colors: Readonly<Record<string, string>>,
  interval: '1m' | '5m',
): PanelBuilder {
  const panel = new PanelBuilder()
    .title(parts.title)
    .description(parts.description)
    .datasource(DATASOURCE)
    .withTarget(seriesQuery(parts.sql))
    .interval(interval)
    .unit(parts.unit)
    .noValue(parts.noValue)
    .min(0)
    .drawStyle(GraphDrawStyle.Line)
    .lineWidth(2)
    .fillOpacity(0)
    .showPoints(VisibilityMode.Auto)
    .spanNulls(interval === '5m')
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs([]),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
  for (const [name, color] of Object.entries(colors)) {
    panel.overrideByName(name, [{ id: 'color', value: fixed(color).build() }]);
  }
  return panel;
}
