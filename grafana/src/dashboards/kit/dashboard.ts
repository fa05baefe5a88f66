import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import {
  type Dashboard,
  DashboardBuilder,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  TimePickerBuilder,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DATASOURCE, PLUGIN } from './query.ts';

/** Uids of all dashboards: links and alert rules name them. */
export const UID = {
  overview: 'client-cost-overview',
  client: 'client-cost-client',
  pipeline: 'client-cost-pipeline',
} as const;

/** A panel and its place on the grid of 24 columns: x, y, width, height (a row is about 38 px). */
export type Placed = readonly [panel: cog.Builder<Panel>, x: number, y: number, w: number, h: number];

export interface DashboardParts {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly cog.Builder<VariableModel>[];
  readonly links: readonly { readonly title: string; readonly url: string; readonly icon: string }[];
  readonly panels: readonly Placed[];
  /** Absent: the dashboard is about a month that its variable chooses, and Grafana's time picker, which would change nothing, is hidden. */
  readonly time?: { readonly from: string; readonly to: string; readonly refresh: string };
}

/** Choice of a ClickHouse data source; the provisioned one unless someone chooses another. */
export const datasourceVariable = () =>
  new DatasourceVariableBuilder('datasource')
    .label('Data source')
    .description('A ClickHouse data source that holds the client-cost database.')
    .type(PLUGIN.id)
    .current({ text: 'client-cost', value: 'client-cost' });

/** A list of values from a query of two columns: value, then text. Read anew at every load, in the query's own order. */
export const queryVariable = (name: string, label: string, description: string, rawSql: string) =>
  new QueryVariableBuilder(name)
    .label(label)
    .description(description)
    .datasource(DATASOURCE)
    .query({ refId: name, queryType: 'sql', rawSql })
    .definition(rawSql)
    .refresh(VariableRefresh.OnDashboardLoad)
    .sort(VariableSort.Disabled);

/** Puts a dashboard together. Ids follow the order of `panels`, so that the same source gives the same file. */
export function assemble(parts: DashboardParts): Dashboard {
  const { time = { from: 'now/M', to: 'now/M', refresh: '' } } = parts;
  const builder = new DashboardBuilder(parts.title)
    .uid(parts.uid)
    .description(parts.description)
    .tags(['client-cost'])
    .timezone('utc')
    .time({ from: time.from, to: time.to })
    .refresh(time.refresh)
    .timepicker(new TimePickerBuilder().hidden(parts.time === undefined))
    .annotations([])
    .variables([...parts.variables])
    .links(parts.links.map(link));
  const panels = parts.panels.map(([panel, x, y, w, h], index) => {
    const { type, ...rest } = panel.build();
    return { id: index + 1, type, ...rest, gridPos: { x, y, w, h } };
  });
  return { ...builder.build(), panels };
}

const link = ({ title, url, icon }: DashboardParts['links'][number]) =>
  new DashboardLinkBuilder(title).type(DashboardLinkType.Link).icon(icon).url(url).tooltip(title);
