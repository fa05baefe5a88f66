// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Grafana
import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { describe, expect, it } from 'vitest';
import { allDashboards } from './index.ts';
import { UID } from './kit/dashboard.ts';
import { lintDashboards } from './lint.ts';

// biome-ignore lint/suspicious/noExplicitAny: reaches into any depth of a file to spoil it
type Loose = any;

const panelOf = (dashboard: Dashboard, title: string): Panel & Loose =>
  (dashboard.panels as Panel[]).find((panel) => panel.title === title)!;

/** The problems that one change to the overview makes. */
function lintAfter(change: (overview: Dashboard & Loose) => unknown): string {
  const all = structuredClone(JSON.parse(JSON.stringify(allDashboards())) as Dashboard[]);
  change(all.find(({ uid }) => uid === UID.overview)!);
  return lintDashboards(all).join('\n');
}

const clientsQuery = (dashboard: Dashboard) => panelOf(dashboard, 'Clients').targets[0];
const override = (dashboard: Dashboard, column: string): Loose =>
  panelOf(dashboard, 'Clients').fieldConfig.overrides.find((each: Loose) => each.matcher.options === column);
const link = (dashboard: Dashboard): Loose =>
  override(dashboard, 'client').properties.find(({ id }: Loose) => id === 'links').value[0];

describe('lint of the dashboards', () => {
  it('finds nothing', () => {
    expect(lintDashboards(allDashboards())).toEqual([]);
  });

  it.each<[string, (overview: Dashboard & Loose) => unknown, string]>([
    ['a panel without a title', (d) => Object.assign(panelOf(d, 'OpenAI'), { title: '' }), 'it has no title'],
    [
      'two panels of one title',
      (d) => Object.assign(panelOf(d, 'OpenAI'), { title: 'Clients' }),
      'two panels are called Clients',
    ],
    ['no description', (d) => delete panelOf(d, 'OpenAI').description, 'its description is no sentence'],
    ['no unit', (d) => delete panelOf(d, 'OpenAI').fieldConfig.defaults.unit, 'it has no unit'],
    [
      'a misspelt unit',
      (d) => Object.assign(panelOf(d, 'OpenAI').fieldConfig.defaults, { unit: 'currencyUsd' }),
      'no unit currencyUsd',
    ],
    ['a column without a unit', (d) => override(d, 'total').properties.splice(1, 1), 'column total has no unit'],
    ['no word for emptiness', (d) => delete panelOf(d, 'OpenAI').fieldConfig.defaults.noValue, 'noValue'],
    [
      'a colour of one theme',
      (d) =>
        Object.assign(panelOf(d, 'Clients').fieldConfig.defaults, { color: { mode: 'fixed', fixedColor: '#fff' } }),
      'the colour #fff',
    ],
    [
      'a fixed data source',
      (d) => Object.assign(clientsQuery(d).datasource, { uid: 'client-cost' }),
      'the data source is',
    ],
    ['a panel out of the grid', (d) => Object.assign(panelOf(d, 'Clients').gridPos, { x: 1 }), 'columns 1 to 24'],
    ['panels over each other', (d) => Object.assign(panelOf(d, 'Clients').gridPos, { h: 11 }), 'lie over each other'],
    ['a hole', (d) => Object.assign(panelOf(d, 'Clients').gridPos, { h: 9 }), 'Grafana moves it up'],
    ['an id twice', (d) => Object.assign(panelOf(d, 'Clients'), { id: 1 }), 'ids 1, 2'],
    ['a refId twice', (d) => Object.assign(panelOf(d, 'Clients').targets[1], { refId: 'A' }), 'are not unique'],
    ['an unknown variable', (d) => Object.assign(clientsQuery(d), { rawSql: 'SELECT $mnoth AS total' }), 'mnoth'],
    [
      'an unknown macro',
      (d) => Object.assign(clientsQuery(d), { rawSql: 'SELECT $__timeFiltre(x) AS total' }),
      '$__timeFiltre',
    ],
    [
      'a variable that can leave its quotes',
      (d) => Object.assign(clientsQuery(d), { rawSql: "SELECT '${month:raw}' AS total" }),
      "variableText('month')",
    ],
    [
      'a variable of the older form',
      (d) => Object.assign(clientsQuery(d), { rawSql: "SELECT '[[month]]' AS total" }),
      "variableText('month')",
    ],
    [
      'a fixed database',
      (d) => Object.assign(clientsQuery(d), { rawSql: 'SELECT a AS total FROM client_cost.t' }),
      'the database client_cost is fixed',
    ],
    [
      'floats that are added',
      (d) => Object.assign(clientsQuery(d), { rawSql: 'SELECT sum(toFloat64(cost)) AS total' }),
      'floats are added up',
    ],
    [
      'whatever columns there are',
      (d) => Object.assign(clientsQuery(d), { rawSql: 'SELECT * FROM clients' }),
      'SELECT *',
    ],
    ['a format that does not fit', (d) => Object.assign(clientsQuery(d), { format: 0 }), 'does not go with format 0'],
    [
      'an override of nothing',
      (d) => Object.assign(override(d, 'total').matcher, { options: 'totl' }),
      'an override is for totl',
    ],
    [
      'a link to nowhere',
      (d) => Object.assign(link(d), { url: '/d/client-cost-clint?var-month=${month:percentencode}' }),
      'no dashboard client-cost-clint',
    ],
    [
      'a link that loses the month',
      (d) => Object.assign(link(d), { url: `/d/${UID.client}` }),
      'opens with another month',
    ],
    [
      'a link to an unknown variable',
      (d) => Object.assign(link(d), { url: `/d/${UID.client}?var-klient=1` }),
      'has no variable klient',
    ],
    [
      'a link from a missing column',
      (d) => Object.assign(link(d), { url: `/d/${UID.client}?var-client=\${__data.fields.id:percentencode}` }),
      'no query has a column id',
    ],
    [
      'a link that is not encoded',
      (d) => Object.assign(link(d), { url: `/d/${UID.client}?var-client=\${__data.fields.client_id}` }),
      'is not percent-encoded',
    ],
    [
      'months that go stale',
      (d) => Object.assign(d.templating.list[0], { type: 'custom' }),
      'months come from a query',
    ],
    [
      'a variable nobody uses',
      (d) => d.templating.list.push({ ...d.templating.list[0], name: 'year' }),
      'variable year: nothing uses it',
    ],
    ['a list that is never read anew', (d) => Object.assign(d.templating.list[0], { refresh: 0 }), 'is not read anew'],
    ['an icon that Grafana has not', (d) => Object.assign(d.links[0], { icon: 'arrow-left' }), 'no icon arrow-left'],
    ['too many panels', (d) => d.panels.push(...d.panels), '14 at most'],
    ['the id of one Grafana', (d) => Object.assign(d, { id: 7 }), 'an id of one Grafana'],
    ['a uid twice', (d) => Object.assign(d, { uid: UID.client }), 'the same uid'],
  ])('sees %s', (_, change, problem) => {
    expect(lintAfter(change)).toContain(problem);
  });
});
