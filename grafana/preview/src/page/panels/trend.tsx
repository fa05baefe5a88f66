import { type DataFrame, FieldMatcherID, FieldType, fieldMatchers } from '@grafana/data';
import { preparePlotFrame, TimeSeries } from '@grafana/ui';
import { useMemo } from 'react';
import { legendOf, placeInPalette } from './graph.ts';
import { NoData } from './no-data.tsx';
import type { DrawProps } from './props.ts';

interface Options {
  readonly xField?: string;
  readonly legend?: object;
}

/** The first frame with its x field in front. */
function graphable({ data, theme }: DrawProps, options: Options): { frames: DataFrame[]; x: string } | undefined {
  const frame = data.frames[0];
  const x =
    frame?.fields.find((field) => field.name === options.xField) ??
    frame?.fields.find((field) => field.type === FieldType.number);
  if (frame === undefined || x === undefined || frame.length === 0) return undefined;
  const ordered = { ...frame, fields: [x, ...frame.fields.filter((field) => field !== x)] };
  return { frames: placeInPalette([ordered], theme, (field) => field === x), x: x.name };
}

/** Numbers over a number that is no time: Grafana's panel "Trend", which draws with the time series' component. */
export function Trend(props: DrawProps) {
  const { data, width, height } = props;
  const options = (data.panel.options ?? {}) as Options;
  // biome-ignore lint/correctness/useExhaustiveDependencies: new frames would draw the chart anew at each rendering.
  const ready = useMemo(() => graphable(props, options), [data, props.theme]);
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
      preparePlotFrame={(frames, fields) =>
        preparePlotFrame(frames, { ...fields, x: fieldMatchers.get(FieldMatcherID.byName).get(ready.x) })
      }
    />
  );
}
