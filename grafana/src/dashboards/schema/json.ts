import type * as barchart from '@grafana/grafana-foundation-sdk/barchart';
import type * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import type * as gauge from '@grafana/grafana-foundation-sdk/gauge';
import type * as stat from '@grafana/grafana-foundation-sdk/stat';
import type * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline';
import type * as table from '@grafana/grafana-foundation-sdk/table';
import type * as text from '@grafana/grafana-foundation-sdk/text';
import type * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import type * as trend from '@grafana/grafana-foundation-sdk/trend';
import type { ClickHouseQuery } from '../kit/query.ts';
import type { Transformation } from './transformations.ts';

// What a dashboard's JSON may hold, made of the types that the SDK generates from Grafana's own schemas. `<JSON> satisfies DashboardJson` lets
// the compiler refuse a key that Grafana does not know: Grafana itself drops it without a word.

/** What JSON makes of a type: enums are their values, methods are gone. */
export type Json<T> = 0 extends 1 & T
  ? T
  : T extends string
    ? `${T}`
    : T extends number | boolean | null | undefined
      ? T
      : T extends readonly (infer E)[]
        ? Json<E>[]
        : T extends object
          ? { [K in keyof T as T[K] extends (...args: never[]) => unknown ? never : K]: Json<T[K]> }
          : never;

/** A link on a value. The SDK has the type of a dashboard's links here, Grafana has this one. */
interface DataLink {
  title: string;
  url: string;
  targetBlank?: boolean;
  oneClick?: boolean;
}

type Plain = Omit<Json<dashboard.FieldConfig>, 'custom' | 'links'> & { links?: DataLink[] };

/** A property of an override: by its name, with a value of its type. */
type Property<Custom> =
  | { [K in keyof Required<Plain>]: { id: K; value: Required<Plain>[K] } }[keyof Plain]
  | { [K in keyof Required<Custom> & string]: { id: `custom.${K}`; value: Json<Required<Custom>[K]> } }[keyof Custom &
      string]
  // Grafana 12.2 and later; the SDK's table has the older custom.hidden and cellOptions.wrapText only.
  | { id: 'custom.hideFrom.viz' | 'custom.wrapText'; value: boolean };

interface FieldConfig<Custom> {
  defaults: Plain & { custom?: Partial<Json<Custom>> };
  overrides: {
    matcher: { id: 'byName' | 'byRegexp' | 'byType' | 'byFrameRefID'; options: string };
    properties: Property<Custom>[];
  }[];
}

type PanelJson<Type extends string, Options, Custom = Record<never, never>> = Omit<
  Json<dashboard.Panel>,
  'type' | 'options' | 'fieldConfig' | 'targets' | 'transformations' | 'id' | 'gridPos' | 'title'
> & {
  type: Type;
  id: number;
  title: string;
  gridPos: Json<dashboard.GridPos>;
  options: Json<Options>;
  fieldConfig: FieldConfig<Custom>;
  targets: Json<ClickHouseQuery>[];
  transformations?: Transformation[];
};

type TextJson = Omit<PanelJson<'text', text.Options>, 'targets' | 'fieldConfig'>;

export type AnyPanelJson =
  | PanelJson<'stat', stat.Options>
  | PanelJson<'gauge', gauge.Options>
  | PanelJson<'bargauge', bargauge.Options>
  | PanelJson<'table', table.Options, table.FieldConfig>
  | PanelJson<'barchart', barchart.Options, barchart.FieldConfig>
  | PanelJson<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | PanelJson<'trend', trend.Options, trend.FieldConfig>
  | PanelJson<'state-timeline', statetimeline.Options, statetimeline.FieldConfig>
  | TextJson;

/** A dashboard's file. What the SDK leaves open but we always set is required. */
export type DashboardJson = Omit<Json<dashboard.Dashboard>, 'panels' | 'templating' | 'id'> & {
  uid: string;
  title: string;
  panels: (AnyPanelJson | Json<dashboard.RowPanel>)[];
  templating: { list: Json<dashboard.VariableModel>[] };
};
