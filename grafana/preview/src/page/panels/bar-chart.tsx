import { type DataFrame, FieldMatcherID, FieldType, fieldMatchers } from '@grafana/data';
import { preparePlotFrame, TimeSeries } from '@grafana/ui';
import { useMemo } from 'react';
import { legendOf, placeInPalette } from './graph.ts';
import { NoData } from './no-data.tsx';
import type { DrawProps } from './props.ts';

interface Options {
  readonly legend?: object;
  readonly stacking?: 'none' | 'normal' | 'percent';
  readonly barWidth?: number;
}

const X = 'x';

/** Bars over the place of each row; the axis says the row's text in its place. */
function graphable({ data, theme, width }: DrawProps, options: Options): { frames: DataFrame[] } | undefined {
  const frame = data.frames[0];
  const name = frame?.fields.find(({ type }) => type === FieldType.string || type === FieldType.time);
  if (frame === undefined || name === undefined || frame.length === 0) return undefined;
  const names = name.values.map((value) =>
    name.type === FieldType.time ? new Date(value).toISOString().slice(0, 10) : String(value),
  );
  const x = {
    name: X,
    type: FieldType.number,
    values: names.map((_, index) => index),
    config: { min: -0.5, max: names.length - 0.5 },
  };
  // As many of the rows' texts as have room beside each other.
  const room = 16 + 7 * Math.max(...names.map((text) => text.length));
  const every = Math.max(1, Math.ceil((names.length * room) / (width - 60)));
  const textAt = (at: number) => (at % every === 0 ? (names[at] ?? '') : '');
  const withText = { ...x, display: (at: unknown) => ({ text: textAt(Number(at)), numeric: Number(at) }) };
  const bars = frame.fields.flatMap((field) => {
    const custom = (field.config.custom ?? {}) as {
      hideFrom?: { viz?: boolean };
      fillOpacity?: number;
      lineWidth?: number;
    };
    if (field.type !== FieldType.number || custom.hideFrom?.viz === true) return [];
    const drawn = {
      ...custom,
      drawStyle: 'bars',
      barWidthFactor: options.barWidth ?? 0.97,
      stacking: { mode: options.stacking ?? 'none', group: 'A' },
      showPoints: 'never',
    };
    return [{ ...field, config: { ...field.config, custom: drawn } }];
  });
  if (bars.length === 0) return undefined;
  return { frames: placeInPalette([{ ...frame, fields: [withText, ...bars] }], theme, (field) => field.name === X) };
}

/** Grafana's bar chart is in its application only; here the time series' component draws its bars, one place per row. */
export function BarChart(props: DrawProps) {
  const { data, width, height } = props;
  const options = (data.panel.options ?? {}) as Options;
  // biome-ignore lint/correctness/useExhaustiveDependencies: new frames would draw the chart anew at each rendering.
  const ready = useMemo(() => graphable(props, options), [data, props.theme, width]);
  if (ready === undefined) return <NoData fieldConfig={data.fieldConfig} />;
  return (
    <TimeSeries
      frames={ready.frames}
      timeRange={data.timeRange}
      timeZone="utc"
      width={width}
      height={height}
      legend={legendOf(options.legend)}
      options={options}
      preparePlotFrame={(all, fields) =>
        preparePlotFrame(all, { ...fields, x: fieldMatchers.get(FieldMatcherID.byName).get(X) })
      }
    />
  );
}
