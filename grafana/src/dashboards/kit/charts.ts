import * as barchart from '@grafana/grafana-foundation-sdk/barchart';
import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import {
  BarGaugeDisplayMode,
  BarGaugeNamePlacement,
  BarGaugeValueMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTextDisplayOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import * as trend from '@grafana/grafana-foundation-sdk/trend';
import { byThreshold, COLOR, fixed, steps } from './colors.ts';
import { DATASOURCE, tableQuery } from './query.ts';

export interface ChartParts {
  readonly title: string;
  readonly description: string;
  readonly sql: string;
  readonly unit: string;
  readonly noValue: string;
}

const legend = () =>
  new VizLegendOptionsBuilder()
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom)
    .showLegend(true)
    .calcs([]);
const tooltip = () =>
  new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending).hideZeros(true);

/** Stacked bars over names: the first column is the name, each further one a series of its own colour. */
export function stackedBars(parts: ChartParts, series: Readonly<Record<string, string>>): barchart.PanelBuilder {
  const panel = new barchart.PanelBuilder()
    .title(parts.title)
    .description(parts.description)
    .datasource(DATASOURCE)
    .withTarget(tableQuery(parts.sql))
    .unit(parts.unit)
    .noValue(parts.noValue)
    .decimals(2)
    .stacking(StackingMode.Normal)
    .orientation(VizOrientation.Vertical)
    .showValue(VisibilityMode.Never)
    .xTickLabelSpacing(100)
    .barWidth(0.8)
    .groupWidth(0.7)
    .fillOpacity(85)
    .lineWidth(0)
    .fullHighlight(false)
    .legend(legend())
    .tooltip(tooltip());
  for (const [name, color] of Object.entries(series)) {
    panel.overrideByName(name, [{ id: 'color', value: fixed(color).build() }]);
  }
  return panel;
}

/** Horizontal bars, one a row: the name and the value beside it. */
export function bars(parts: ChartParts): bargauge.PanelBuilder {
  return new bargauge.PanelBuilder()
    .title(parts.title)
    .description(parts.description)
    .datasource(DATASOURCE)
    .withTarget(tableQuery(parts.sql))
    .unit(parts.unit)
    .noValue(parts.noValue)
    .min(0)
    .thresholds(steps(COLOR.spent))
    .colorScheme(byThreshold)
    .orientation(VizOrientation.Horizontal)
    .displayMode(BarGaugeDisplayMode.Basic)
    .valueMode(BarGaugeValueMode.Text)
    .namePlacement(BarGaugeNamePlacement.Left)
    .showUnfilled(false)
    .minVizHeight(16)
    .decimals(2)
    .text(new VizTextDisplayOptionsBuilder().titleSize(12).valueSize(13))
    .reduceOptions(new ReduceDataOptionsBuilder().calcs([]).values(true).fields(''));
}

/** Horizontal bars up to 100 %, one a column of the only row, each with the step at which its colour changes. */
export function shares(parts: ChartParts, at: Readonly<Record<string, readonly [value: number, color: string]>>) {
  const panel = bars(parts)
    .max(100)
    .decimals(0)
    .showUnfilled(true)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false).fields(''));
  for (const [column, step] of Object.entries(at)) {
    panel.overrideByName(column, [{ id: 'thresholds', value: steps(COLOR.calm, step).build() }]);
  }
  return panel;
}

/** Lines and bars over a number, here the day of the month: unlike a time series it needs no time range, so a variable can choose the month. */
export function overDays(parts: ChartParts, xField: string): trend.PanelBuilder {
  return new trend.PanelBuilder()
    .title(parts.title)
    .description(parts.description)
    .datasource(DATASOURCE)
    .withTarget(tableQuery(parts.sql))
    .unit(parts.unit)
    .noValue(parts.noValue)
    .min(0)
    .decimals(2)
    .xField(xField)
    .lineWidth(2)
    .showPoints(VisibilityMode.Never)
    .legend(legend())
    .tooltip(tooltip())
    .overrideByName(xField, [
      { id: 'unit', value: 'none' },
      { id: 'decimals', value: 0 },
      // Half a day on either side: a bar stands around its day.
      { id: 'min', value: 0.5 },
      { id: 'max', value: 31.5 },
    ]);
}
