/** What the collecting side (Node) hands to the drawing side (the page). Everything is JSON. */

/** A result as ClickHouse's JSONCompact gives it: columns with their types, rows of values; or the error's text. */
export type QueryResult =
  | {
      readonly refId: string;
      /** 0 time series, 1 table. */
      readonly format: 0 | 1;
      readonly columns: readonly { readonly name: string; readonly type: string }[];
      readonly rows: readonly (readonly unknown[])[];
    }
  | { readonly refId: string; readonly error: string };

export interface VariableState {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly text: string;
  /** Hidden from the bar (a constant, a datasource picker with one choice). */
  readonly hidden: boolean;
}

export interface GridPos {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** A panel of a classic dashboard, as much of it as is read here. */
export interface PanelJson {
  readonly id: number;
  readonly type: string;
  readonly title?: string;
  readonly description?: string;
  readonly transparent?: boolean;
  readonly gridPos: GridPos;
  readonly options?: Record<string, unknown>;
  readonly fieldConfig?: { readonly defaults?: Record<string, unknown>; readonly overrides?: readonly unknown[] };
  readonly transformations?: readonly unknown[];
  readonly targets?: readonly TargetJson[];
  readonly timeFrom?: string;
  readonly maxDataPoints?: number;
  /** The least interval, as `5m`. */
  readonly interval?: string;
  readonly hideTimeOverride?: boolean;
  readonly repeat?: string;
  readonly collapsed?: boolean;
  readonly links?: readonly { readonly title: string; readonly url: string }[];
}

export interface TargetJson {
  readonly refId: string;
  readonly rawSql?: string;
  readonly format?: number;
  readonly queryType?: string;
  readonly hide?: boolean;
}

export interface DashboardJson {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly PanelJson[];
  readonly links?: readonly { readonly title: string; readonly type: string }[];
  readonly time?: { readonly from: string; readonly to: string };
  readonly timepicker?: { readonly hidden?: boolean };
  readonly timezone?: string;
  readonly templating?: { readonly list?: readonly VariableJson[] };
}

export interface VariableJson {
  readonly name: string;
  readonly type: string;
  readonly label?: string;
  readonly hide?: number;
  readonly query?: unknown;
  readonly regex?: string;
  readonly current?: { readonly text?: unknown; readonly value?: unknown };
}

export interface TimeRangeMs {
  readonly from: number;
  readonly to: number;
  /** As the time picker says it. */
  readonly label: string;
}

/** One dashboard with the results of all its queries. */
export interface Picture {
  readonly dashboard: DashboardJson;
  readonly variables: readonly VariableState[];
  readonly range: TimeRangeMs;
  /** By panel id. */
  readonly panels: Readonly<Record<number, { readonly range: TimeRangeMs; readonly results: readonly QueryResult[] }>>;
}
