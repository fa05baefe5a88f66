import {
  type FieldDisplay,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  type ReduceDataOptions,
  VizOrientation,
} from '@grafana/data';
import {
  BarGauge,
  type BarGaugeDisplayMode,
  BigValue,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  type BigValueTextMode,
  VizRepeater,
} from '@grafana/ui';
import type { DrawProps } from './props.ts';

/** Options that stat and bar gauge share; each reads its own. */
interface Options {
  readonly reduceOptions?: Partial<ReduceDataOptions>;
  readonly orientation?: VizOrientation;
  readonly text?: { titleSize?: number; valueSize?: number; percentSize?: number };
  readonly colorMode?: BigValueColorMode;
  readonly graphMode?: BigValueGraphMode;
  readonly justifyMode?: BigValueJustifyMode;
  readonly textMode?: BigValueTextMode;
  readonly wideLayout?: boolean;
  readonly percentChangeColorMode?: never;
  readonly showPercentChange?: boolean;
  readonly displayMode?: BarGaugeDisplayMode;
  readonly showUnfilled?: boolean;
  readonly valueMode?: never;
  readonly namePlacement?: never;
  readonly sizing?: 'auto' | 'manual';
  readonly minVizWidth?: number;
  readonly minVizHeight?: number;
  readonly maxVizHeight?: number;
}

const optionsOf = ({ data }: DrawProps): Options => (data.panel.options ?? {}) as Options;

function valuesOf({ data, replace, theme }: DrawProps, sparkline: boolean, percentChange = false): FieldDisplay[] {
  const { reduceOptions } = optionsOf({ data } as DrawProps);
  return getFieldDisplayValues({
    data: data.frames,
    fieldConfig: data.fieldConfig,
    reduceOptions: { calcs: ['lastNotNull'], values: false, fields: '', ...reduceOptions },
    replaceVariables: replace,
    sparkline,
    percentChange,
    theme,
    timeZone: 'utc',
  });
}

export function Stat(props: DrawProps) {
  const { width, height, theme, data } = props;
  const options = optionsOf(props);
  const graphMode = options.graphMode ?? BigValueGraphMode.Area;
  return (
    <VizRepeater<FieldDisplay, ReturnType<typeof getDisplayValueAlignmentFactors>>
      getValues={() => valuesOf(props, graphMode !== BigValueGraphMode.None, options.showPercentChange)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      width={width}
      height={height}
      source={data}
      itemSpacing={3}
      renderCounter={0}
      autoGrid
      orientation={options.orientation ?? VizOrientation.Auto}
      renderValue={({ value, alignmentFactors, width: w, height: h, count }) => (
        <BigValue
          value={value.display}
          count={count}
          {...(value.sparkline === undefined ? {} : { sparkline: { ...value.sparkline, timeRange: data.timeRange } })}
          colorMode={options.colorMode ?? BigValueColorMode.Value}
          graphMode={graphMode}
          justifyMode={options.justifyMode ?? BigValueJustifyMode.Auto}
          {...(options.textMode === undefined ? {} : { textMode: options.textMode })}
          {...(options.text === undefined ? {} : { text: options.text })}
          alignmentFactors={alignmentFactors}
          disableWideLayout={options.wideLayout === false}
          width={w}
          height={h}
          theme={theme}
        />
      )}
    />
  );
}

export function BarGauges(props: DrawProps) {
  const { width, height, theme, data } = props;
  const options = optionsOf(props);
  const manual = options.sizing === 'manual';
  return (
    <VizRepeater<FieldDisplay, ReturnType<typeof getDisplayValueAlignmentFactors>>
      getValues={() => valuesOf(props, false)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      width={width}
      height={height}
      source={data}
      itemSpacing={options.displayMode === 'lcd' ? 2 : 10}
      renderCounter={0}
      minVizWidth={manual ? (options.minVizWidth ?? 8) : 8}
      minVizHeight={manual ? (options.minVizHeight ?? 16) : 16}
      maxVizHeight={manual ? (options.maxVizHeight ?? 300) : 300}
      orientation={options.orientation ?? VizOrientation.Auto}
      renderValue={({ value, alignmentFactors, width: w, height: h, orientation, count }) => (
        <BarGauge
          value={value.display}
          field={value.field}
          {...(value.view === undefined
            ? {}
            : ({ display: value.view.getFieldDisplayProcessor(value.colIndex ?? 0) ?? undefined } as object))}
          {...(options.text === undefined ? {} : { text: options.text })}
          orientation={orientation}
          displayMode={options.displayMode ?? ('gradient' as BarGaugeDisplayMode)}
          showUnfilled={options.showUnfilled ?? true}
          {...({ valueDisplayMode: options.valueMode, namePlacement: options.namePlacement } as object)}
          itemSpacing={options.displayMode === 'lcd' ? 2 : 10}
          alignmentFactors={count > 1 ? alignmentFactors : (undefined as never)}
          width={w}
          height={h}
          theme={theme}
        />
      )}
    />
  );
}
