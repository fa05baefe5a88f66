import type { ClickHouseClient } from '@clickhouse/client';
import type { Stack } from '../../clickhouse/dist/stack/index.js';
import { createLedgerClient } from '../../clickhouse/src/client.ts';
import { freshLedger, refresh, type TestEngine } from '../../clickhouse/src/queries/testing/ledger.ts';
import { expandQuery, expandRuleQuery } from '../../grafana/src/plugin/expand.ts';
import { toFrame } from '../../grafana/src/plugin/frame.ts';
import type { Answer } from './grafana-compare.ts';
import type { Query } from './grafana-queries.ts';
import { type CaseInput, seed } from './grafana-seed.ts';
import { awayFromMidnight, type Times, timesFrom } from './grafana-times.ts';

/** A seeded database and the moment that its times are told from. */
export interface Case {
  readonly database: string;
  readonly times: Times;
  readonly client: ClickHouseClient;
  /** Whether queries are told that it is `times.now`, whatever the clock says. */
  readonly frozen: boolean;
}

/** A query at another moment: the clock is read in the query itself, never inside of a view that a panel or rule calls. */
function frozenAt(sql: string, now: number): string {
  const told = sql.replaceAll("now('UTC')", `toDateTime(${now / 1000}, 'UTC')`);
  const clock = /\b(?:now(?:64)?|today|yesterday)\s*\([^)]*\)/.exec(told)?.[0];
  if (clock !== undefined)
    throw new Error(`${clock}: a query reads the clock by now('UTC') only, so that a test can set it\n${sql}`);
  return told;
}

/** Databases of a stack's engine, one per case, with the automatic refreshes stopped; `at` makes a case of another moment. */
export function casesOn({ clickhouse }: Stack): {
  create(database: string, input: CaseInput, at?: string): Promise<Case>;
  close(): Promise<void>;
} {
  const clients: ClickHouseClient[] = [];
  const client = (database: string): ClickHouseClient => {
    const made = createLedgerClient({ ...clickhouse, database }, database);
    clients.push(made);
    return made;
  };
  const engine: TestEngine = { url: clickhouse.url, admin: client('default'), client, stop: async () => {} };
  return {
    async create(database, input, at) {
      const ledger = await freshLedger(engine, database);
      // The refresh at its creation saw an empty ledger; seeds are older than that.
      await ledger.command({ query: 'TRUNCATE TABLE usage_daily' });
      if (at === undefined) await awayFromMidnight();
      const times = timesFrom(at === undefined ? Date.now() : Date.parse(at));
      await seed(ledger, input, times);
      if (input.refresh === true) await refresh(ledger);
      return { database, times, client: ledger, frozen: at !== undefined };
    },
    async close() {
      await Promise.all(clients.map((made) => made.close()));
    },
  };
}

/** What Grafana's reading user gets for a statement. @throws Error with ClickHouse's own message and the statement */
export async function askAsReader({ reader }: Stack, database: string, sql: string): Promise<Answer> {
  const settings = new URLSearchParams({ database, default_format: 'JSONCompact' });
  const response = await fetch(`${reader.url}/?${settings}`, {
    method: 'POST',
    headers: { 'x-clickhouse-user': reader.user, 'x-clickhouse-key': reader.password },
    body: sql,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`ClickHouse answered ${response.status}: ${text}\n${sql}`);
  return JSON.parse(text) as Answer;
}

export interface Answered {
  readonly sql: string;
  readonly answer: Answer;
}

/**
 * A query's answer on a case, after the plugin's expansion.
 *
 * @throws Error where expansion, ClickHouse or the plugin's reading of the rows (unsorted series, nan, unknown types) fails
 */
export async function run(
  stack: Stack,
  on: Case,
  query: Query,
  input: CaseInput,
  variables: CaseInput['variables'],
): Promise<Answered> {
  const to = on.times.at(input.to ?? 'now');
  const from = query.lastSeconds === undefined ? on.times.at(input.from ?? 'now-6h') : to - query.lastSeconds * 1000;
  const range = { from: new Date(from), to: new Date(to) };
  const intervalMs = input.intervalMs ?? query.intervalMs ?? 60_000;
  const filled = Object.fromEntries(
    Object.entries(variables ?? {}).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(on.times.fill) : on.times.fill(value as string),
    ]),
  );
  const expanded =
    query.kind === 'rule'
      ? expandRuleQuery(query.rawSql, { ...range, intervalMs })
      : expandQuery(query.rawSql, { ...range, intervalMs, variables: filled });
  const sql = on.frozen ? frozenAt(expanded, on.times.now) : expanded;
  const answer = await askAsReader(stack, on.database, sql);
  toFrame(answer.meta, answer.data, query.format);
  return { sql, answer };
}
