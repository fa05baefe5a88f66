import { applyNullInsertThreshold, type DataFrame, FieldType, nullToValue } from '@grafana/data';
import { TimeSeries as GrafanaTimeSeries } from '@grafana/ui';
import { useMemo } from 'react';
import { legendOf, placeInPalette } from './graph.ts';
import { NoData } from './no-data.tsx';
import type { DrawProps } from './props.ts';

/** Frames with a time and a number, gaps as gaps. */
function graphable({ data, theme }: DrawProps): DataFrame[] {
  const has = (frame: DataFrame, type: FieldType) => frame.fields.some((field) => field.type === type);
  const frames = data.frames
    .filter((frame) => has(frame, FieldType.time) && has(frame, FieldType.number) && frame.length > 0)
    .map((frame) =>
      nullToValue(
        applyNullInsertThreshold({
          frame,
          refFieldPseudoMin: data.timeRange.from.valueOf(),
          refFieldPseudoMax: data.timeRange.to.valueOf(),
        }),
      ),
    );
  return placeInPalette(frames, theme, () => false);
}

export function TimeSeries(props: DrawProps) {
  const { data, width, height } = props;
  // biome-ignore lint/correctness/useExhaustiveDependencies: new frames would draw the chart anew at each rendering.
  const frames = useMemo(() => graphable(props), [data, props.theme]);
  const options = (data.panel.options ?? {}) as { legend?: object };
  if (frames.length === 0) return <NoData fieldConfig={data.fieldConfig} />;
  return (
    <GrafanaTimeSeries
      frames={frames}
      timeRange={data.timeRange}
      timeZone="utc"
      width={width}
      height={height}
      legend={legendOf(options.legend)}
      options={options}
    />
  );
}
