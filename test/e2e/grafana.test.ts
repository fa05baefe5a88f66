import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ruleFrameProblems } from '../../grafana/src/plugin/frame.ts';
import { type Answer, cellsOf, difference, type ExpectedRows, printed } from '../support/grafana-compare.ts';
import { type DashboardQueries, dashboards, type Query, ruleQueries } from '../support/grafana-queries.ts';
import { askAsReader, type Case, casesOn, run } from '../support/grafana-run.ts';
import type { CaseInput, SeededEvent } from '../support/grafana-seed.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

const folder = join(import.meta.dirname, 'grafana');
const all = dashboards();
const rules = ruleQueries();
const printRows = process.env.PRINT_ROWS ?? '';

interface Expected {
  readonly panels?: Readonly<Record<string, ExpectedRows>>;
  readonly variables?: Readonly<Record<string, ExpectedRows>>;
  readonly rules?: Readonly<Record<string, ExpectedRows>>;
}

const read = <T>(name: string, file: string): T | undefined => {
  const path = join(folder, name, file);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as T) : undefined;
};

interface Scenario {
  readonly name: string;
  readonly input: CaseInput;
  readonly expected: Expected;
  readonly queries: readonly Query[];
  readonly variables: CaseInput['variables'];
  /** Every query must have an expectation: the folder of a dashboard itself. */
  readonly whole: boolean;
}

const rulesOf = (name: string): DashboardQueries => ({
  uid: name,
  title: name,
  queries: rules,
  variables: {},
  settable: [],
});

const scenarios: readonly Scenario[] = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => {
    const uid = name.replace(/\..*/s, '');
    const dashboard = uid === 'alerting' ? rulesOf(uid) : all.find((one) => one.uid === uid);
    if (dashboard === undefined)
      throw new Error(`test/e2e/grafana/${name}: there is no dashboard "${uid}" in grafana/dashboards`);
    const input = read<CaseInput>(name, 'input.json') ?? {};
    return {
      name,
      input,
      expected: read<Expected>(name, 'expected.json') ?? {},
      queries: dashboard.queries,
      variables: { ...dashboard.variables, ...input.variables },
      whole: name === uid,
    };
  });

const expectedOf = ({ expected }: Scenario, { kind, name }: Query): ExpectedRows | undefined =>
  ({ panel: expected.panels, variable: expected.variables, rule: expected.rules })[kind]?.[name];

let test: TestStack;
let cases: ReturnType<typeof casesOn>;

beforeAll(async () => {
  test = await startTestStack({ collector: 'none' });
  cases = casesOn(test.stack);
});
afterAll(async () => {
  await cases?.close();
  await test?.stop();
});

it('every dashboard and the rules have a folder with seeds and expected rows', () => {
  expect(all.length).toBeGreaterThan(0);
  const names = [...all.map(({ uid }) => uid), ...(rules.length > 0 ? ['alerting'] : [])];
  expect(names.filter((name) => !scenarios.some((scenario) => scenario.name === name))).toEqual([]);
});

describe.each(scenarios)('$name', (scenario) => {
  let on: Case;
  beforeAll(async () => {
    on = await cases.create(`case_${scenario.name.replace(/\W/g, '_')}`, scenario.input);
  });

  it('expects rows of queries that there are', () => {
    const { panels = {}, variables = {}, rules: ofRules = {} } = scenario.expected;
    const known = new Set(scenario.queries.map(({ kind, name }) => `${kind} ${name}`));
    const named = [
      ...Object.keys(panels).map((name) => `panel ${name}`),
      ...Object.keys(variables).map((name) => `variable ${name}`),
      ...Object.keys(ofRules).map((name) => `rule ${name}`),
    ];
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  const compared = scenario.queries.filter((query) => scenario.whole || expectedOf(scenario, query) !== undefined);
  it.each(compared.map((query) => [`${query.kind} ${query.name}`, query] as const))('%s', async (_, query) => {
    const { sql, answer } = await run(test.stack, on, query, scenario.input, scenario.variables);
    if (printRows === scenario.name) console.log(`    ${JSON.stringify(query.name)}: ${printed(answer, on.times)},`);
    if (query.kind === 'rule') expect(ruleFrameProblems(answer.meta, answer.data)).toEqual([]);
    const wanted = expectedOf(scenario, query);
    if (wanted === undefined) {
      throw new Error(
        `expected.json says nothing about this query. It answered:\n${JSON.stringify(query.name)}: ${printed(answer, on.times)}`,
      );
    }
    expect(difference(answer, wanted, on.times), sql).toBeUndefined();
  });
});

// What depends on the date is compared on awkward ones, too: queries are told that it is then.
const MOMENTS = ['2024-02-29T00:00:05Z', '2025-03-01T00:00:01Z', '2025-12-31T23:59:58Z'];
const dated = scenarios.filter(({ name }) => name === 'alerting' || name.includes('.current-month'));

describe.each(dated.flatMap((scenario) => MOMENTS.map((at) => ({ scenario, at, name: scenario.name }))))(
  '$name at $at',
  ({ scenario, at }) => {
    it('the same rows', async () => {
      const on = await cases.create(`case_${scenario.name}_${at}`.replace(/\W/g, '_'), scenario.input, at);
      for (const query of scenario.queries) {
        const wanted = expectedOf(scenario, query);
        if (wanted === undefined) continue;
        const { sql, answer } = await run(test.stack, on, query, scenario.input, scenario.variables);
        expect(difference(answer, wanted, on.times), `${query.name}\n${sql}`).toBeUndefined();
      }
    });
  },
);

describe('on an empty database', () => {
  let on: Case;
  beforeAll(async () => {
    on = await cases.create('case_empty', {});
  });

  const variables = { month: '{month-0}', client: 'nobody' };
  const every = [...all.map((one) => [one.title, one] as const), ['alert rules', rulesOf('alerting')] as const];
  it.each(every)('%s: no error, and nothing that is not a number', async (_, dashboard) => {
    for (const query of dashboard.queries) {
      const { answer } = await run(test.stack, on, query, {}, { ...dashboard.variables, ...variables });
      if (query.kind === 'rule') expect(ruleFrameProblems(answer.meta, answer.data), query.name).toEqual([]);
      // Said by a row: an empty table looks the same after a query that failed.
      if (query.name.includes('Active alerts')) {
        expect(
          answer.data.map((row) => [row[0], row[answer.meta.findIndex(({ name }) => name === 'message')]]),
        ).toEqual([['ok', 'No active alerts']]);
      }
    }
  });
});

// A client's id is anyone's text. Two clients did the same; what a dashboard shows of them may differ by their names only.
const HOSTILE = [
  "a'); DROP TABLE usage_events --",
  "x' OR '1'='1",
  'back\\',
  "\\' OR 1=1 --",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what someone might write into a URL
  '"double" `tick` /* comment */ # -- $__fromTime ${client} $client',
  'クライアント ünï 😀 <b>&amp;</b>',
];
const PLAIN = 'the-twin';

const twinEvents = (client: string): SeededEvent[] => [
  { time: '2026-02-03T10:00:00Z', client, cost: '1.5' },
  { time: '2026-02-04T11:00:00Z', client, cost: '60.25', service: 'twilio_sms', operation: 'send_sms' },
  { time: '2026-01-05T11:00:00Z', client, cost: '7' },
];

describe('hostile values of variables', () => {
  let on: Case;
  let before: Answer;
  const tables = (): Promise<Answer> =>
    askAsReader(
      test.stack,
      on.database,
      'SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name',
    );
  beforeAll(async () => {
    on = await cases.create('case_hostile', {
      events: [PLAIN, ...HOSTILE].flatMap(twinEvents),
      alerts: [PLAIN, ...HOSTILE].map((id) => ({
        time: '2026-02-04T12:00:00Z',
        alert_key: `threshold:warning:2026-02:${id}`,
        event: 'fired',
      })),
    });
    before = await tables();
  });

  const rowsOf = async (
    dashboard: DashboardQueries,
    query: Query,
    variables: Record<string, string>,
  ): Promise<string> => {
    const { answer } = await run(test.stack, on, query, {}, { ...dashboard.variables, ...variables });
    const id = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
    return JSON.stringify(cellsOf(answer)).replace(id, 'an id');
  };
  // Asked once: it is the same for every hostile client.
  const known = new Map<Query, Promise<string>>();
  const plainRows = (dashboard: DashboardQueries, query: Query): Promise<string> => {
    const rows = known.get(query) ?? rowsOf(dashboard, query, { month: '2026-02', client: PLAIN });
    known.set(query, rows);
    return rows;
  };
  const named = (rows: string, client: string): string =>
    rows
      .replaceAll(JSON.stringify(client).slice(1, -1), 'the client')
      .replaceAll(encodeURIComponent(client), 'the client');

  const withClient = all.filter(({ settable }) => settable.includes('client'));
  it('there is a dashboard of one client', () => {
    expect(withClient.map(({ uid }) => uid)).toContain('client-cost-client');
  });

  const pairs = withClient.flatMap((dashboard) =>
    HOSTILE.map((client) => [dashboard.title, client, dashboard] as const),
  );
  it.each(pairs)('%s finds the client %j as it finds any other', async (_, client, dashboard) => {
    let found = false;
    for (const query of dashboard.queries.filter(({ kind }) => kind === 'panel')) {
      const plain = await plainRows(dashboard, query);
      const hostile = await rowsOf(dashboard, query, { month: '2026-02', client });
      expect(named(hostile, client), query.name).toBe(named(plain, PLAIN));
      found ||= /\b61\.75\b/.test(plain);
    }
    expect(found, 'a panel shows the month of the client').toBe(true);
    expect((await tables()).data).toEqual(before.data);
  });

  // A month, too, comes from the URL. ClickHouse may refuse it; it must not do anything else.
  const others = all.flatMap((dashboard) =>
    dashboard.settable.filter((name) => name !== 'client').map((name) => [dashboard.title, name, dashboard] as const),
  );
  it.each(others)('%s does no harm by the variable %s', async (_, name, dashboard) => {
    for (const value of HOSTILE) {
      for (const query of dashboard.queries) {
        await rowsOf(dashboard, query, { month: '2026-02', client: PLAIN, [name]: value }).catch((error: Error) => {
          if (!/cannot parse|BAD_ARGUMENTS/i.test(error.message)) throw error;
        });
      }
    }
    expect((await tables()).data).toEqual(before.data);
  });
});
