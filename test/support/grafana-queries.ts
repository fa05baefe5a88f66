import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { QueryFormat } from '../../grafana/src/plugin/frame.ts';

const grafana = join(import.meta.dirname, '..', '..', 'grafana');

/** One query of a dashboard or a rule. */
export interface Query {
  /** `<panel title> <refId>`, the name of a variable, or `<rule title> <refId>`. */
  readonly name: string;
  readonly kind: 'panel' | 'variable' | 'rule';
  readonly rawSql: string;
  readonly format: QueryFormat;
  /** The panel's own "Min interval". */
  readonly intervalMs?: number;
  /** Seconds before the end of the time range, where the panel or rule has a range of its own. */
  readonly lastSeconds?: number;
}

export interface DashboardQueries {
  readonly uid: string;
  readonly title: string;
  readonly queries: readonly Query[];
  /** Values that the file itself gives to its variables. */
  readonly variables: Readonly<Record<string, string>>;
  /** Names of variables that a reader or a URL sets, without the data source. */
  readonly settable: readonly string[];
}

interface Target {
  readonly refId?: string;
  readonly rawSql?: string;
  readonly format?: number;
}

interface Panel {
  readonly title?: string;
  readonly targets?: readonly Target[];
  readonly panels?: readonly Panel[];
  readonly interval?: string;
  readonly timeFrom?: string;
}

interface Variable {
  readonly name: string;
  readonly type: string;
  readonly query?: string | Target;
  readonly current?: { readonly value?: unknown };
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

function secondsOf(text: string): number {
  const [, count, unit] = /^>?(?:now-)?(\d+)([smhdw])$/.exec(text) ?? [];
  if (count === undefined) throw new Error(`"${text}" is no duration that this test understands`);
  return Number(count) * (SECONDS[unit ?? ''] ?? 0);
}

function query(kind: Query['kind'], name: string, target: Target): Query {
  const format = target.format ?? 1;
  if (format !== 0 && format !== 1)
    throw new Error(`${name}: format ${format} is neither a time series (0) nor a table (1)`);
  if (!target.rawSql) throw new Error(`${name}: the query has no rawSql`);
  return { kind, name, rawSql: target.rawSql, format };
}

const panelQueries = (panel: Panel): Query[] => [
  ...(panel.targets ?? []).map((target) => ({
    ...query('panel', `${panel.title ?? ''} ${target.refId ?? ''}`, target),
    ...(panel.interval === undefined ? {} : { intervalMs: secondsOf(panel.interval) * 1000 }),
    ...(panel.timeFrom === undefined ? {} : { lastSeconds: secondsOf(panel.timeFrom) }),
  })),
  ...(panel.panels ?? []).flatMap(panelQueries),
];

function variableQuery({ name, type, query: model }: Variable): Query[] {
  if (type !== 'query') return [];
  return [query('variable', name, typeof model === 'string' ? { rawSql: model } : (model ?? {}))];
}

function unique(queries: readonly Query[], file: string): readonly Query[] {
  const seen = new Set<string>();
  for (const { kind, name } of queries) {
    if (seen.has(`${kind} ${name}`))
      throw new Error(`${file}: two queries are called "${name}"; give the panels titles of their own`);
    seen.add(`${kind} ${name}`);
  }
  return queries;
}

/** Every committed dashboard with its queries. */
export function dashboards(): DashboardQueries[] {
  const folder = join(grafana, 'dashboards');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => {
      const dashboard = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
        readonly uid: string;
        readonly title: string;
        readonly panels?: readonly Panel[];
        readonly templating?: { readonly list?: readonly Variable[] };
        readonly annotations?: { readonly list?: readonly { readonly name?: string; readonly target?: Target }[] };
      };
      const variables = dashboard.templating?.list ?? [];
      const annotations = (dashboard.annotations?.list ?? []).filter(({ target }) => target?.rawSql !== undefined);
      const given = variables.filter(({ current }) => typeof current?.value === 'string');
      return {
        uid: dashboard.uid,
        title: dashboard.title,
        queries: unique(
          [
            ...(dashboard.panels ?? []).flatMap(panelQueries),
            ...variables.flatMap(variableQuery),
            ...annotations.map(({ name, target }) => query('panel', `annotation ${name ?? ''}`, target ?? {})),
          ],
          file,
        ),
        variables: Object.fromEntries(given.map(({ name, current }) => [name, String(current?.value)])),
        settable: variables.filter(({ type }) => type !== 'datasource').map(({ name }) => name),
      };
    });
}

interface RuleFile {
  readonly groups?: readonly {
    readonly rules?: readonly {
      readonly title: string;
      readonly data?: readonly {
        readonly refId: string;
        readonly datasourceUid: string;
        readonly relativeTimeRange?: { readonly from: number; readonly to: number };
        readonly model: Target & { readonly intervalMs?: number };
      }[];
    }[];
  }[];
}

/** The queries of every committed alert rule, without Grafana's own expressions. */
export function ruleQueries(): readonly Query[] {
  const folder = join(grafana, 'provisioning', 'alerting');
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => /\.ya?ml$/.test(file));
  const rules = files.flatMap((file) => {
    const parsed = parse(readFileSync(join(folder, file), 'utf8')) as RuleFile | null;
    return (parsed?.groups ?? []).flatMap(({ rules = [] }) => rules);
  });
  const found = rules.flatMap(({ title, data = [] }) =>
    data
      .filter(({ datasourceUid }) => datasourceUid !== '__expr__')
      .map(({ refId, model, relativeTimeRange }) => ({
        // `$$` in a provisioned file is one `$`.
        ...query('rule', `${title} ${refId}`, { ...model, rawSql: model.rawSql?.replaceAll('$$', '$') ?? '' }),
        ...(model.intervalMs === undefined ? {} : { intervalMs: model.intervalMs }),
        ...(relativeTimeRange === undefined ? {} : { lastSeconds: relativeTimeRange.from }),
      })),
  );
  return unique(found, 'grafana/provisioning/alerting');
}
