import { afterAll, beforeAll, expect, test } from 'vitest';
import { getClientUsageSummary } from '../queries/index.ts';
import { rows, send, startTestEngine, type TestEngine, usage } from '../queries/testing/ledger.ts';
import {
  appliedMigrations,
  loadMigrations,
  MigrationDriftError,
  migrate,
  renderMigration,
  splitStatements,
} from './index.ts';
import { resolveSchemaOptions } from './render.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine?.stop());

const tables = async (database: string): Promise<string[]> =>
  (
    await rows<{ name: string }>(
      engine.admin,
      `SELECT name FROM system.tables WHERE database = '${database}' ORDER BY name`,
    )
  ).map(({ name }) => name);

test('up, down to nothing and up again give the same tables', async () => {
  const newest = loadMigrations().length;
  const first = await migrate({ client: engine.admin, database: 'updown' });
  expect(first).toMatchObject({ from: 0, to: newest });
  const all = await tables('updown');
  expect(all).toEqual(
    expect.arrayContaining([
      'otel_logs',
      'otel_metrics_sum',
      'usage_events',
      'usage_daily',
      'usage_monthly',
      'clients',
    ]),
  );
  const down = await migrate({ client: engine.admin, database: 'updown', target: 0 });
  expect(down.steps.map(({ version }) => version)).toEqual(Array.from({ length: newest }, (_, i) => newest - i));
  expect(await tables('updown')).toEqual(['schema_migrations']);
  await migrate({ client: engine.admin, database: 'updown' });
  expect(await tables('updown')).toEqual(all);
});

test('every single step down and up works', async () => {
  const newest = loadMigrations().length;
  await migrate({ client: engine.admin, database: 'steps' });
  const all = await tables('steps');
  for (let target = newest - 1; target >= 0; target--) {
    await migrate({ client: engine.admin, database: 'steps', target });
    expect((await appliedMigrations(engine.admin, 'steps')).length).toBe(target);
  }
  for (let target = 1; target <= newest; target++) await migrate({ client: engine.admin, database: 'steps', target });
  expect(await tables('steps')).toEqual(all);
});

test('cut off at any statement, up or down, the next run makes it whole or takes it back', async () => {
  const database = 'cut';
  const to = (target: number, client = engine.admin) => migrate({ client, database, target });
  const schema = async (): Promise<Record<string, string>> =>
    Object.fromEntries(
      (
        await rows<{ name: string; query: string }>(
          engine.admin,
          `SELECT name, create_table_query AS query FROM system.tables WHERE database = '${database}'`,
        )
      ).map(({ name, query }) => [name, query]),
    );
  /** Goes away after so many statements of the migration itself. */
  const cutAfter = (statements: number): typeof engine.admin => {
    let left = statements;
    const command: typeof engine.admin.command = (params) => {
      const own = !/schema_migrations|CREATE DATABASE/.test(params.query);
      return own && left-- <= 0 ? Promise.reject(new Error('cut off')) : engine.admin.command(params);
    };
    return new Proxy(engine.admin, { get: (client, key) => (key === 'command' ? command : Reflect.get(client, key)) });
  };
  // One place for each direction, by turns the first, the middle and the last: all of them take minutes.
  const places = (n: number, version: number) =>
    [[1, n >> 1, n - 1][version % 3]!].filter((place) => place > 0 && place < n);
  const migrations = loadMigrations();
  const statements = (sql: string) => splitStatements(renderMigration(sql, resolveSchemaOptions({ database }))).length;

  const whole: Record<string, string>[] = [];
  for (let version = 0; version <= migrations.length; version++) {
    await to(version);
    whole.push(version === 0 ? {} : await schema());
  }
  for (const { version, up, down } of [...migrations].reverse()) {
    for (const place of places(statements(down), version)) {
      await expect(to(version - 1, cutAfter(place))).rejects.toThrow(/cut off/);
      expect((await appliedMigrations(engine.admin, database)).at(-1)?.version ?? 0).toBe(version - 1);
      await to(version);
      expect(await schema(), `${version} down, cut after ${place}, up`).toEqual(whole[version]);
    }
    await to(version - 1);
    for (const place of places(statements(up), version + 1)) {
      await expect(to(version, cutAfter(place))).rejects.toThrow(/cut off/);
      await to(version - 1);
      if (version > 1) expect(await schema(), `${version} up, cut after ${place}, down`).toEqual(whole[version - 1]);
    }
  }
  expect(Object.keys(await schema())).toEqual(['schema_migrations']);
});

test('a second run does nothing, a dry run changes nothing', async () => {
  const dry = await migrate({ client: engine.admin, database: 'again', dryRun: true });
  expect(dry.steps.length).toBe(loadMigrations().length);
  expect(await tables('again')).toEqual([]);
  await migrate({ client: engine.admin, database: 'again' });
  expect((await migrate({ client: engine.admin, database: 'again' })).steps).toEqual([]);
});

test('several processes at once all succeed', async () => {
  await Promise.all([1, 2, 3].map(() => migrate({ client: engine.client('default'), database: 'atonce' })));
  expect((await appliedMigrations(engine.admin, 'atonce')).map(({ version }) => version)).toEqual(
    loadMigrations().map(({ version }) => version),
  );
});

test('a changed or unknown applied migration is an error that names it', async () => {
  const migrations = loadMigrations();
  await migrate({ client: engine.admin, database: 'drift', migrations });
  const changed = migrations.map((m, i) => (i === 3 ? { ...m, checksum: 'other' } : m));
  const run = migrate({ client: engine.admin, database: 'drift', migrations: changed });
  await expect(run).rejects.toThrow(MigrationDriftError);
  await expect(run).rejects.toThrow(/0004_clients was applied .* another content/);
  await expect(
    migrate({ client: engine.admin, database: 'drift', migrations: migrations.slice(0, 5) }),
  ).rejects.toThrow(/does not know: update client-cost/);
});

test('changed retention and refresh interval reach existing tables, the ledger has none', async () => {
  const ttl = async (): Promise<Record<string, boolean>> =>
    Object.fromEntries(
      (
        await rows<{ name: string; ttl: number }>(
          engine.admin,
          "SELECT name, position(create_table_query, 'TTL ') > 0 AS ttl FROM system.tables WHERE database = 'tuned' AND engine LIKE '%MergeTree'",
        )
      ).map(({ name, ttl: has }) => [name, Boolean(has)]),
    );
  await migrate({ client: engine.admin, database: 'tuned' });
  expect(await ttl()).toMatchObject({
    otel_logs: true,
    otel_traces: true,
    usage_events: false,
    usage_daily: false,
    usage_events_rejected: false,
  });
  const change = await migrate({ client: engine.admin, database: 'tuned', retentionDays: 0, refreshSeconds: 10 });
  expect(change.steps.map(({ direction }) => direction)).toEqual(['tune']);
  expect(await ttl()).toMatchObject({ otel_logs: false, otel_metrics_sum: false });
  expect(
    (await migrate({ client: engine.admin, database: 'tuned', retentionDays: 0, refreshSeconds: 10 })).steps,
  ).toEqual([]);
});

test('a ledger of the version before takes up where it was, and goes back', async () => {
  const client = engine.client('upgraded');
  const day = '2026-02-03';
  const period = { clientId: 'acme', from: day, to: day };
  const call = (over: Record<string, string> = {}) => ({ time: `${day}T10:00:00Z`, attributes: usage(over) });
  const total = async () => (await getClientUsageSummary(client, period)).total.requests;
  await migrate({ client: engine.admin, database: 'upgraded', target: 11, retentionDays: 0 });
  await send(client, [call()]);
  await migrate({ client: engine.admin, database: 'upgraded', retentionDays: 0 });
  await send(client, [call({ 'usage.sku': 'text' })]);
  expect(await rows(client, 'SELECT sku, estimated_cost FROM usage_events_current ORDER BY sku')).toEqual([
    { sku: '', estimated_cost: null },
    { sku: 'text', estimated_cost: null },
  ]);
  expect(await total()).toBe(2);
  await migrate({ client: engine.admin, database: 'upgraded', target: 11, retentionDays: 0 });
  await send(client, [call()]);
  expect(await total()).toBe(3);
});

test('the cluster form parses, statement by statement', async () => {
  const options = resolveSchemaOptions({ cluster: 'main', database: 'ledger' });
  let parsed = 0;
  for (const { up, down } of loadMigrations()) {
    for (const statement of [
      ...splitStatements(renderMigration(up, options)),
      ...splitStatements(renderMigration(down, options)),
    ]) {
      expect(statement).toContain('ON CLUSTER `main`');
      await engine.admin.command({ query: `EXPLAIN AST ${statement}` });
      parsed++;
    }
  }
  expect(parsed).toBeGreaterThan(50);
});

test('options that cannot be used are refused before anything happens', async () => {
  await expect(migrate({ client: engine.admin, database: 'a b; DROP' })).rejects.toThrow(/database "a b; DROP"/);
  await expect(migrate({ client: engine.admin, target: 99 })).rejects.toThrow(/target 99/);
  await expect(migrate({ client: engine.admin, retentionDays: -1 })).rejects.toThrow(/retentionDays -1/);
});
