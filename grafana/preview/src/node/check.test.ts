import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { build } from 'vite';
import type { PanelJson, Picture, QueryResult } from '../types.ts';
import { launch, openPicture } from './browser.ts';
import { expectedTexts, problemsOf } from './check.ts';
import { startServer } from './server.ts';

// The check must be able to fail: each fault that it is there for is planted once.

const WIDTH = 1280;
let browser: Browser;

before(async () => {
  const root = `${import.meta.dirname}/../..`;
  await build({ root, configFile: `${root}/vite.config.ts`, logLevel: 'error' });
  browser = await launch();
});
after(() => browser.close());

const result = (columns: readonly (readonly [string, string])[], ...rows: unknown[][]): QueryResult => ({
  refId: 'A',
  format: 1,
  columns: columns.map(([name, type]) => ({ name, type })),
  rows,
});

const amount = (value: number): QueryResult => result([['Cost', 'Decimal(38, 12)']], [value]);

function picture(panel: Partial<PanelJson>, ...results: QueryResult[]): Picture {
  const range = { from: Date.UTC(2026, 10, 1), to: Date.UTC(2026, 10, 30), label: 'November' };
  const whole: PanelJson = {
    id: 1,
    type: 'stat',
    title: 'Cost',
    gridPos: { x: 0, y: 0, w: 6, h: 4 },
    options: { graphMode: 'none', reduceOptions: { calcs: ['lastNotNull'], values: false, fields: '' } },
    fieldConfig: { defaults: { unit: 'currencyUSD', decimals: 2 }, overrides: [] },
    ...panel,
  };
  return {
    dashboard: { uid: 'planted', title: 'Planted', panels: [whole] },
    variables: [],
    range,
    panels: { 1: { range, results } },
  };
}

/** What the check says when `drawn` is on the page and `told` is what the queries are said to have answered. */
async function problems(drawn: Picture, told: Picture = drawn): Promise<string> {
  const server = await startServer(new Map([['planted', drawn]]));
  try {
    const open = await openPicture(browser, server.url, 'planted', 'light', WIDTH);
    const found = [...open.problems, ...(await problemsOf(open.page, 'planted', told, WIDTH))];
    await open.close();
    return found.join('\n');
  } finally {
    await server.stop();
  }
}

test('a good picture has no problem', async () => {
  assert.equal(await problems(picture({}, amount(151.7358))), '');
});

test('the texts that are expected are in the unit and decimals of the panel and its overrides', () => {
  const overrides = [{ matcher: { id: 'byName', options: 'Calls' }, properties: [{ id: 'unit', value: 'short' }] }];
  const { dashboard } = picture({ fieldConfig: { defaults: { unit: 'currencyUSD', decimals: 2 }, overrides } });
  const columns = [
    ['Cost', 'Decimal(38, 12)'],
    ['Calls', 'UInt64'],
    ['Name', 'String'],
  ] as const;
  assert.deepEqual(expectedTexts(dashboard.panels[0] as PanelJson, [result(columns, [0.125, 25_300, 'x'])]), [
    '$0.13',
    '25.30 K',
  ]);
});

test('another number than the query answered', async () => {
  assert.match(
    await problems(picture({}, amount(151.73)), picture({}, amount(151.74))),
    /shows "Cost\$151\.73", its query says \$151\.74/,
  );
});

test('a panel that nothing can draw', async () => {
  assert.match(
    await problems(picture({ type: 'piechart' }, amount(1))),
    /No published component draws a panel of type piechart/,
  );
});

test('a panel that throws', async () => {
  const transformations = [
    { id: 'configFromData', options: { configRefId: 'A', mappings: [{ fieldName: 'Cost', handlerKey: 'nonsense' }] } },
  ];
  assert.match(await problems(picture({ transformations }, amount(1))), /does not know the handler "nonsense"/);
});

test('a panel in which nothing is drawn', async () => {
  assert.match(await problems(picture({ type: 'text', options: { content: ' ' } })), /nothing is drawn/);
});

test('a query that failed', async () => {
  const failed = { refId: 'A', error: 'Code: 60. DB::Exception: Unknown table' };
  assert.match(await problems(picture({}, failed)), /its query failed: Code: 60/);
});

test('a value that is larger than its panel', async () => {
  const options = { graphMode: 'none', text: { valueSize: 90 } };
  assert.match(
    await problems(picture({ options, gridPos: { x: 0, y: 0, w: 3, h: 4 } }, amount(123_456_789))),
    /lies outside of the panel/,
  );
});

test('two values over each other', async () => {
  const two = result(
    [
      ['Cost', 'Float64'],
      ['Days', 'Float64'],
    ],
    [206.91, 18.25],
  );
  const options = { graphMode: 'none', text: { valueSize: 40 } };
  assert.match(await problems(picture({ options, gridPos: { x: 0, y: 0, w: 4, h: 4 } }, two)), /lie over each other/);
});

test('a table that is wider than its panel', async () => {
  const overrides = ['a', 'b'].map((name) => ({
    matcher: { id: 'byName', options: name },
    properties: [{ id: 'custom.width', value: 400 }],
  }));
  const wide = picture(
    { type: 'table', options: {}, fieldConfig: { defaults: {}, overrides } },
    result(
      [
        ['a', 'String'],
        ['b', 'String'],
      ],
      ['x', 'y'],
    ),
  );
  assert.match(await problems(wide), /columns are wider than the panel/);
});

test('a variable that nobody replaced', async () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own form of a variable.
  const title = 'Cost of ${nobody}';
  assert.match(await problems(picture({ title }, amount(1))), /\$\{nobody\} stands there as it is/);
});
