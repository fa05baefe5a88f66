import type { FunctionComponent } from 'react';
import { BarChart } from './bar-chart.tsx';
import type { DrawProps } from './props.ts';
import { BarGauges, Stat } from './single-values.tsx';
import { Table } from './table.tsx';
import { Text } from './text.tsx';
import { TimeSeries } from './time-series.tsx';
import { Trend } from './trend.tsx';

/** Panel types that Grafana's published components can draw. Gauge, pie chart and state timeline are in its application only. */
export const drawings: Readonly<Record<string, FunctionComponent<DrawProps>>> = {
  stat: Stat,
  bargauge: BarGauges,
  table: Table,
  timeseries: TimeSeries,
  trend: Trend,
  barchart: BarChart,
  text: Text,
};
