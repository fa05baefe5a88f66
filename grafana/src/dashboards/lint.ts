import type { Dashboard, Panel, RowPanel, VariableModel } from '@grafana/grafana-foundation-sdk/dashboard';
import { PLUGIN } from './kit/query.ts';
import { gridProblems } from './lint/grid.ts';
import { linkProblems, variableNames } from './lint/links.ts';
import { panelProblems } from './lint/panels.ts';
import { datasourceProblems, sqlProblems } from './lint/queries.ts';

const LINK_ICONS = ['external link', 'dashboard', 'question', 'info', 'bolt', 'doc', 'cloud'];

/** Few panels: someone who opens the page must see at once what is wrong. */
const MOST_PANELS = 14;

/**
 * What is wrong with dashboards that the types of Grafana's schema cannot see, in words; an empty list when nothing is.
 *
 * @param dashboards all of them: links lead from one to another
 */
export function lintDashboards(dashboards: readonly Dashboard[]): string[] {
  const problems = dashboards.flatMap((dashboard) => lintDashboard(dashboard, dashboards));
  for (const key of ['uid', 'title'] as const) {
    const values = dashboards.map((dashboard) => dashboard[key]);
    if (new Set(values).size !== values.length)
      problems.push(`two dashboards have the same ${key}: ${values.join(', ')}`);
  }
  return problems;
}

/** The same of one dashboard; `all` are those that its links may lead to. */
export function lintDashboard(dashboard: Dashboard, all: readonly Dashboard[]): string[] {
  const problems: string[] = [];
  const say = (text: string) => problems.push(`${dashboard.uid}: ${text}`);
  const panels = (dashboard.panels ?? []).flatMap((panel) => (isRow(panel) ? panel.panels : [panel]));

  if (!/^client-cost-[a-z-]{1,28}$/.test(dashboard.uid ?? '')) say('the uid is not client-cost-…');
  if (!dashboard.title?.trim()) say('it has no title');
  if (!dashboard.description?.trim()) say('it has no description');
  if (dashboard.schemaVersion < 42)
    say(`schemaVersion ${dashboard.schemaVersion} makes Grafana 12 and later migrate it`);
  if (dashboard.id !== undefined) say('it has an id of one Grafana; the uid names it');
  if (dashboard.timezone !== 'utc') say(`days and months are UTC, the time zone is ${dashboard.timezone}`);
  if (!dashboard.tags?.includes('client-cost')) say('it lacks the tag client-cost');
  if (panels.length === 0 || panels.length > MOST_PANELS) say(`${panels.length} panels, ${MOST_PANELS} at most`);

  problems.push(...variableProblems(dashboard));
  for (const { url = '', title, icon } of dashboard.links ?? []) {
    if (!LINK_ICONS.includes(icon)) say(`link ${title}: Grafana has no icon ${icon} for links`);
    problems.push(...linkProblems(url, { name: `${dashboard.uid}: link ${title}`, dashboard, all, sql: [] }));
  }
  const ids = (dashboard.panels ?? []).map(({ id }) => id);
  if (new Set(ids).size !== ids.length || !ids.every((id) => Number.isInteger(id) && id! > 0))
    say(`ids ${ids.join(', ')}`);
  const titles = panels.map(({ title }) => title);
  titles
    .filter((title, index) => titles.indexOf(title) !== index)
    .forEach((title) => {
      say(`two panels are called ${title}`);
    });
  const placed = (dashboard.panels ?? []).map((panel) => ({
    name: `${dashboard.uid}: ${JSON.stringify(panel.title ?? '')}`,
    at: panel.gridPos ?? { x: -1, y: 0, w: 0, h: 0 },
  }));
  problems.push(...gridProblems(placed));
  for (const panel of panels) problems.push(...panelProblems(panel, dashboard, all));
  return problems;
}

function variableProblems(dashboard: Dashboard): string[] {
  const problems: string[] = [];
  const list = dashboard.templating.list ?? [];
  const names = variableNames(dashboard);
  if (new Set(names).size !== names.length) problems.push(`${dashboard.uid}: variables ${names.join(', ')}`);
  const source = list.find(({ name }) => name === 'datasource');
  if (source?.type !== 'datasource' || source.query !== PLUGIN.id) {
    problems.push(`${dashboard.uid}: no variable datasource of type ${PLUGIN.id}`);
  }
  for (const variable of list) {
    const name = `${dashboard.uid}: variable ${variable.name}`;
    if (!variable.label || !variable.description) problems.push(`${name}: it has no label or no description`);
    if (!JSON.stringify(uses(dashboard, variable)).includes(`\${${variable.name}`))
      problems.push(`${name}: nothing uses it`);
    // A list written down once goes stale: the months, the clients.
    if (variable.type === 'custom' && variable.name === 'month') problems.push(`${name}: months come from a query`);
    if (variable.type !== 'query') continue;
    problems.push(...datasourceProblems(name, variable.datasource));
    const sql = typeof variable.query === 'object' ? variable.query.rawSql : undefined;
    problems.push(
      ...sqlProblems(
        name,
        typeof sql === 'string' ? sql : '',
        names.filter((other) => other !== variable.name),
      ),
    );
    if (variable.refresh !== 1) problems.push(`${name}: it is not read anew when the dashboard is opened`);
  }
  return problems;
}

const uses = (dashboard: Dashboard, { name }: VariableModel) => ({
  ...dashboard,
  templating: (dashboard.templating.list ?? []).filter((other) => other.name !== name),
});

const isRow = (panel: Panel | RowPanel): panel is RowPanel => panel.type === 'row';
