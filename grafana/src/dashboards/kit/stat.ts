import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  ReduceDataOptionsBuilder,
  VizOrientation,
  VizTextDisplayOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { byThreshold, COLOR, steps } from './colors.ts';
import { DATASOURCE, tableQuery } from './query.ts';

export interface StatParts {
  readonly title: string;
  readonly description: string;
  /** One row; each column is one value, shown under its name when there are several. */
  readonly sql: string;
  /** Unit of the first value. */
  readonly unit: string;
  /** Units of further values, by column. */
  readonly units?: Readonly<Record<string, string>>;
  readonly noValue?: string;
}

/** A card: one number, or one with a second beside it. No colour unless thresholds are set on it: most numbers are no alarm. */
export function stat({ title, description, sql, unit, units = {}, noValue = '–' }: StatParts): PanelBuilder {
  const several = Object.keys(units).length > 0;
  const panel = new PanelBuilder()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .withTarget(tableQuery(sql))
    .unit(unit)
    .noValue(noValue)
    .thresholds(steps(COLOR.plain))
    .colorScheme(byThreshold)
    .graphMode(BigValueGraphMode.None)
    .colorMode(BigValueColorMode.Value)
    .justifyMode(BigValueJustifyMode.Auto)
    .textMode(several ? BigValueTextMode.ValueAndName : BigValueTextMode.Value)
    // Two numbers stand one below the other, each with its name on the left: side by side a large one runs into its neighbour.
    .orientation(several ? VizOrientation.Horizontal : VizOrientation.Auto)
    .text(new VizTextDisplayOptionsBuilder().titleSize(14).valueSize(several ? 24 : 32))
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false).fields(''));
  if (unit === 'currencyUSD') panel.decimals(2);
  for (const [column, value] of Object.entries(units)) {
    panel.overrideByName(column, [
      { id: 'unit', value },
      ...(value === 'locale' ? [{ id: 'decimals', value: 0 }] : []),
    ]);
  }
  return panel;
}
