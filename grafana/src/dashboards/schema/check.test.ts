import { describe, expect, it } from 'vitest';
import { dashboards } from '../index.ts';
import { checkAgainstTypes } from './check.ts';

// biome-ignore lint/suspicious/noExplicitAny: reaches into any depth of a file to spoil it
type Anything = any;

const overview = onePanelOfEachType(dashboards()['dashboards/client-cost-overview.json']!);
const client = onePanelOfEachType(dashboards()['dashboards/client-cost-client.json']!);
const panel = (dashboard: Anything, type: string): Anything =>
  dashboard.panels.find((candidate: Anything) => candidate.type === type);

/** Each spoils one thing that Grafana would drop or misread without a word; the text is what the complaint must name. */
const spoilt: [name: string, text: string, source: string, spoil: (dashboard: Anything) => unknown][] = [
  ['a key of the dashboard', 'refreshh', overview, (d) => Object.assign(d, { refreshh: '1m' })],
  ['a missing uid', 'uid', overview, (d) => delete d.uid],
  ['the time picker', 'hiden', overview, (d) => Object.assign(d.timepicker!, { hiden: true })],
  ['a type of panel', 'stats', overview, (d) => Object.assign(panel(d, 'stat'), { type: 'stats' })],
  ['a key of a panel', 'tilte', overview, (d) => Object.assign(panel(d, 'table'), { tilte: '' })],
  ['a place on the grid', 'width', overview, (d) => Object.assign(panel(d, 'stat').gridPos!, { width: 3 })],
  ['an option of a stat', 'grafMode', overview, (d) => Object.assign(panel(d, 'stat').options!, { grafMode: 'none' })],
  [
    'a value of an option',
    'colour',
    overview,
    (d) => Object.assign(panel(d, 'stat').options!, { colorMode: 'colour' }),
  ],
  [
    'an option of a bar chart',
    'stackng',
    overview,
    (d) => Object.assign(panel(d, 'barchart').options!, { stackng: 'normal' }),
  ],
  [
    'an option of a bar gauge',
    'displayMod',
    overview,
    (d) => Object.assign(panel(d, 'bargauge').options!, { displayMod: 'lcd' }),
  ],
  ['an option of a trend', 'xFeld', client, (d) => Object.assign(panel(d, 'trend').options!, { xFeld: 'Day' })],
  ['a field option', 'units', overview, (d) => Object.assign(panel(d, 'stat').fieldConfig.defaults!, { units: 's' })],
  [
    'a threshold',
    'colour',
    overview,
    (d) => Object.assign(panel(d, 'stat').fieldConfig.defaults.thresholds.steps[0], { colour: 'red' }),
  ],
  [
    'a custom field option',
    'minWith',
    overview,
    (d) => Object.assign(panel(d, 'table').fieldConfig.defaults.custom!, { minWith: 1 }),
  ],
  [
    'a custom option of another panel',
    'lineWidth',
    overview,
    (d) => Object.assign(panel(d, 'table').fieldConfig.defaults.custom!, { lineWidth: 1 }),
  ],
  ['the name of an override', 'custom.widht', overview, (d) => push(d, { id: 'custom.widht', value: 1 })],
  ['the value of an override', 'number', overview, (d) => push(d, { id: 'custom.width', value: 'wide' })],
  [
    'a data link',
    'targetBlanc',
    overview,
    (d) => push(d, { id: 'links', value: [{ title: '', url: '', targetBlanc: true }] }),
  ],
  ['a key of a query', 'rawSQL', overview, (d) => Object.assign(panel(d, 'stat').targets[0], { rawSQL: '' })],
  ['a format of a query', '2', overview, (d) => Object.assign(panel(d, 'stat').targets[0], { format: 2 })],
  [
    'a transformation',
    'joinByFeild',
    overview,
    (d) => Object.assign(panel(d, 'table'), { transformations: [{ id: 'joinByFeild', options: {} }] }),
  ],
  [
    'an option of a transformation',
    'byFeild',
    overview,
    (d) =>
      Object.assign(panel(d, 'table'), {
        transformations: [{ id: 'joinByField', options: { byFeild: 'a', mode: 'outer' } }],
      }),
  ],
  ['a key of a variable', 'lable', overview, (d) => Object.assign(d.templating.list[0], { lable: 'Month' })],
  ['a type of variable', 'queri', overview, (d) => Object.assign(d.templating.list[0], { type: 'queri' })],
];

/** The compiler is quicker with less to read. */
function onePanelOfEachType(text: string): string {
  const dashboard = JSON.parse(text) as { panels: { type: string }[] };
  const types = new Set<string>();
  const panels = dashboard.panels.filter(({ type }) => types.size !== types.add(type).size);
  return JSON.stringify({ ...dashboard, panels });
}

function push(dashboard: Anything, property: unknown): void {
  panel(dashboard, 'table').fieldConfig.overrides[0].properties.push(property);
}

describe("dashboards against Grafana's types", () => {
  const files: Record<string, string> = { ...dashboards() };
  for (const [name, , source, spoil] of spoilt) {
    const dashboard = JSON.parse(source) as Anything;
    spoil(dashboard);
    files[name] = JSON.stringify(dashboard);
  }
  const complaints = checkAgainstTypes(files);

  it.each(Object.keys(dashboards()))('%s is accepted', (name) => {
    expect(complaints[name]).toEqual([]);
  });

  it.each(spoilt)('%s that does not exist is refused', (name, text) => {
    expect(complaints[name]?.join('\n')).toContain(text);
  });
});
