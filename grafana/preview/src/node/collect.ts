import { createRequire } from 'node:module';
import { expandQuery } from '../../../src/plugin/expand.ts';
import type {
  DashboardJson,
  PanelJson,
  Picture,
  QueryResult,
  TargetJson,
  TimeRangeMs,
  VariableJson,
  VariableState,
} from '../types.ts';
import type { Ledger } from './ledger.ts';

// Its ES modules need a bundler; under Node the package is CommonJS.
const { rangeUtil } = createRequire(import.meta.url)('@grafana/data') as typeof import('@grafana/data');

/** How a query is run: against the ledger, or so that it fails. */
export type Run = (sql: string, refId: string, format: 0 | 1) => Promise<QueryResult>;

// Grafana asks for as many points as a panel is wide, in pixels, unless the panel says otherwise; here on a page 1280 wide.
const COLUMN = (1280 - 32) / 24;

function intervalOf(panel: PanelJson, range: TimeRangeMs): number {
  const points = panel.maxDataPoints ?? panel.gridPos.w * COLUMN;
  const least = panel.interval === undefined ? 1000 : rangeUtil.intervalToMs(panel.interval);
  return Math.max(least, rangeUtil.roundInterval((range.to - range.from) / points));
}

function rangeOf(from: string, to: string): TimeRangeMs {
  const range = rangeUtil.convertRawToRange({ from, to }, 'utc');
  const [start, end] = [range.from.valueOf(), range.to.valueOf()];
  return { from: start, to: end, label: rangeUtil.describeTimeRange({ from, to }) };
}

const formatOf = (target: TargetJson): 0 | 1 => (target.format === 0 || target.queryType === 'timeseries' ? 0 : 1);

interface Option {
  readonly text: string;
  readonly value: string;
}

/** What a query variable can be: the columns `value` and `text`, else the first column is the value and the second the text. */
async function optionsOf(variable: VariableJson, sql: string, run: Ledger['run']): Promise<Option[]> {
  const result = await run(sql);
  if ('error' in result) throw new Error(`Variable "${variable.name}": ${result.error}`);
  const at = (name: string, otherwise: number) => {
    const found = result.columns.findIndex((column) => column.name === name);
    return found === -1 ? Math.min(otherwise, result.columns.length - 1) : found;
  };
  const [value, text] = [at('value', 0), at('text', 1)];
  return result.rows.map((row) => ({ value: String(row[value]), text: String(row[text]) }));
}

/** The variables' bar: the first option of each, or the one that is asked for. */
async function variablesOf(
  dashboard: DashboardJson,
  run: Ledger['run'],
  range: TimeRangeMs,
  chosen: Readonly<Record<string, string>>,
): Promise<VariableState[]> {
  const states: VariableState[] = [];
  for (const variable of dashboard.templating?.list ?? []) {
    const { name, type, label = name, hide = 0 } = variable;
    if (type === 'datasource') {
      states.push({ name, label, value: 'client-cost', text: 'client-cost', hidden: hide === 2 });
      continue;
    }
    if (type !== 'query') {
      const { text = '', value = '' } = variable.current ?? {};
      states.push({ name, label, value: String(value), text: String(text), hidden: hide === 2 });
      continue;
    }
    const query = variable.query as { rawSql?: string } | string;
    const rawSql = typeof query === 'string' ? query : (query.rawSql ?? '');
    const variables = Object.fromEntries(states.map((state) => [state.name, state.value]));
    const sql = expandQuery(rawSql, { variables, from: new Date(range.from), to: new Date(range.to) });
    const options = await optionsOf(variable, sql, run);
    const option = options.find(({ value }) => value === chosen[name]) ?? options[0] ?? { text: '', value: '' };
    states.push({ name, label, ...option, hidden: hide === 2 });
  }
  return states;
}

/**
 * Runs every query of a dashboard.
 *
 * @param run for the panels' queries
 * @param ledger for the variables' queries
 * @param chosen values of variables; the first option where there is none, as when one opens the dashboard
 */
export async function collect(
  dashboard: DashboardJson,
  run: Run,
  ledger: Ledger,
  chosen: Readonly<Record<string, string>> = {},
): Promise<Picture> {
  const { from = 'now-6h', to = 'now' } = dashboard.time ?? {};
  const range = rangeOf(from, to);
  const variables = await variablesOf(dashboard, ledger.run, range, chosen);
  const values = Object.fromEntries(variables.map(({ name, value }) => [name, value]));
  const texts = Object.fromEntries(variables.map(({ name, text }) => [name, text]));
  const panels: Record<number, { range: TimeRangeMs; results: QueryResult[] }> = {};
  for (const panel of dashboard.panels) {
    const panelRange =
      panel.timeFrom === undefined || panel.timeFrom === null ? range : rangeOf(`now-${panel.timeFrom}`, 'now');
    const context = {
      variables: values,
      texts,
      from: new Date(panelRange.from),
      to: new Date(panelRange.to),
      intervalMs: intervalOf(panel, panelRange),
      dashboard: { title: dashboard.title, uid: dashboard.uid },
    };
    const results: QueryResult[] = [];
    for (const target of panel.targets ?? []) {
      if (target.hide === true || target.rawSql === undefined) continue;
      results.push(await run(expandQuery(target.rawSql, context), target.refId, formatOf(target)));
    }
    panels[panel.id] = { range: panelRange, results };
  }
  return { dashboard, variables, range, panels };
}
