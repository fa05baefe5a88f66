import { type DataFrame, type Field, FieldMatcherID, FieldType, fieldMatchers } from '@grafana/data';
import { preparePlotFrame, TimeSeries } from '@grafana/ui';
import { useMemo } from 'react';
import { legendOf, placeInPalette } from './graph.ts';
import { NoData } from './no-data.tsx';
import type { DrawProps } from './props.ts';

interface Options {
  readonly legend?: object;
  readonly stacking?: 'none' | 'normal' | 'percent';
  readonly barWidth?: number;
  readonly groupWidth?: number;
}

interface Custom {
  readonly hideFrom?: { readonly viz?: boolean };
}

const X = 'x';

const isBar = ({ type, config }: Field): boolean =>
  type === FieldType.number && (config.custom as Custom | undefined)?.hideFrom?.viz !== true;

/** The places of the bars: one per row where they are stacked or alone, one per row and series where they stand side by side. */
function spread(bars: readonly Field[], rows: number, { stacking = 'none', groupWidth = 0.7 }: Options) {
  const beside = stacking === 'none' ? bars.length : 1;
  const step = beside === 1 ? 1 : groupWidth / beside;
  const places = Array.from({ length: rows * beside }, (_, at) => {
    const [row, inGroup] = [Math.floor(at / beside), at % beside];
    return row + (inGroup - (beside - 1) / 2) * step;
  });
  const valuesOf = (field: Field, series: number) =>
    beside === 1
      ? field.values
      : places.map((_, at) => (at % beside === series ? field.values[Math.floor(at / beside)] : null));
  return { places, valuesOf };
}

/** Bars over numbers; the axis says a row's text at its number. */
function graphable({ data, theme, width }: DrawProps, options: Options): DataFrame[] | undefined {
  const frame = data.frames[0];
  const name = frame?.fields.find(({ type }) => type === FieldType.string || type === FieldType.time);
  const bars = frame?.fields.filter(isBar) ?? [];
  if (frame === undefined || name === undefined || frame.length === 0 || bars.length === 0) return undefined;
  const names = name.values.map((value) =>
    name.type === FieldType.time ? new Date(value).toISOString().slice(0, 10) : String(value),
  );
  // As many of the rows' texts as have room beside each other.
  const room = 16 + 7 * Math.max(...names.map((text) => text.length));
  const every = Math.max(1, Math.ceil((names.length * room) / (width - 60)));
  const { places, valuesOf } = spread(bars, names.length, options);
  const x = {
    name: X,
    type: FieldType.number,
    values: places,
    config: { min: -0.5, max: names.length - 0.5 },
    display: (value: unknown) => {
      const at = Number(value);
      return { text: at % every === 0 ? (names[at] ?? '') : '', numeric: at };
    },
  };
  const custom = {
    axisSoftMin: 0,
    drawStyle: 'bars',
    barWidthFactor: options.barWidth ?? 0.97,
    stacking: { mode: options.stacking ?? 'none', group: 'A' },
    showPoints: 'never',
  };
  const drawn = bars.map((field, series) => ({
    ...field,
    values: valuesOf(field, series),
    config: { ...field.config, custom: { ...field.config.custom, ...custom } },
  }));
  return placeInPalette(
    [{ ...frame, fields: [x, ...drawn], length: places.length }],
    theme,
    (field) => field.name === X,
  );
}

/** Grafana's bar chart is in its application only; here the time series' component draws its bars. */
export function BarChart(props: DrawProps) {
  const { data, width, height } = props;
  const options = (data.panel.options ?? {}) as Options;
  // biome-ignore lint/correctness/useExhaustiveDependencies: new frames would draw the chart anew at each rendering.
  const frames = useMemo(() => graphable(props, options), [data, props.theme, width]);
  if (frames === undefined) return <NoData fieldConfig={data.fieldConfig} />;
  return (
    <TimeSeries
      frames={frames}
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
