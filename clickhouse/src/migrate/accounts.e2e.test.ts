import { afterAll, beforeAll, expect, test } from 'vitest';
import { rows, startTestEngine, type TestEngine } from '../queries/testing/ledger.ts';
import { accountStatements, ensureReader, readerStatements } from './accounts.ts';
import { ACCOUNT_KINDS } from './accounts-env.ts';
import { definerOf } from './definer.ts';
import { migrate } from './migrate.ts';
import { resolveSchemaOptions } from './render.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine?.stop());

test('the engine parses every statement, for one node and a cluster, whatever the name and password hold', async () => {
  const hostile = ['grafana', "o'neil", 'back`tick', 'back\\slash', '"; DROP USER default --', 'ünï'];
  for (const name of hostile) {
    for (const cluster of [undefined, 'main']) {
      const schema = resolveSchemaOptions({ cluster });
      for (const statement of ACCOUNT_KINDS.flatMap((kind) =>
        accountStatements(kind, { name, password: `${name}'\\\n` }, schema),
      )) {
        const [parsed] = await rows<{ sql: string }>(
          engine.admin,
          `SELECT formatQuerySingleLine(base64Decode('${Buffer.from(statement).toString('base64')}')) AS sql`,
        );
        expect(parsed?.sql).toMatch(/^(CREATE USER|ALTER USER|GRANT) /);
        // The one name, nothing after it that the name brought along.
        expect(parsed?.sql.includes('DROP USER default')).toBe(name.includes('DROP'));
        const again = `SELECT formatQuerySingleLine({sql:String}) AS sql`;
        const result = await engine.admin.query({
          query: again,
          query_params: { sql: parsed!.sql },
          format: 'JSONEachRow',
        });
        expect((await result.json<{ sql: string }>())[0]?.sql).toBe(parsed?.sql);
      }
    }
  }
});

test('ALTER USER replaces all limits that the user had before', async () => {
  const [, alter] = readerStatements({ name: 'g', password: 'p' }, resolveSchemaOptions({}), 'AB');
  const result = await engine.admin.query({
    query: 'SELECT formatQuerySingleLine({sql:String}) AS sql',
    query_params: { sql: alter },
    format: 'JSONEachRow',
  });
  const sql = (await result.json<{ sql: string }>())[0]!.sql;
  expect(sql).toContain(
    'DROP ALL SETTINGS, DROP ALL PROFILES, ADD SETTINGS readonly = 1, max_execution_time = 60 MIN 1 MAX 300 CHANGEABLE_IN_READONLY',
  );
});

test('every setting of the user is one the engine knows', async () => {
  const [create] = readerStatements({ name: 'g', password: 'p' }, resolveSchemaOptions({}));
  const names = create!
    .split(' SETTINGS ')[1]!
    .split(', ')
    .map((setting) => setting.split(' ')[0]!);
  expect(names.length).toBeGreaterThan(3);
  const known = await rows<{ name: string }>(
    engine.admin,
    `SELECT name FROM system.settings WHERE name IN (${names.map((name) => `'${name}'`).join(', ')})`,
  );
  expect(known.map(({ name }) => name).sort()).toEqual([...names].sort());
});

test('the embedded engine, which takes no users by SQL, is told apart and left alone', async () => {
  const result = await ensureReader({ client: engine.admin, reader: { name: 'grafana', password: 'p' } });
  expect(result).toEqual({ outcome: 'no-sql-users', statements: [] });
});

test('every materialized view runs with the rights of the user that migrates, also one made without', async () => {
  const database = 'definers';
  const definers = async () => {
    const views = await rows<{ name: string; sql: string }>(
      engine.admin,
      `SELECT name, create_table_query AS sql FROM system.tables WHERE database = '${database}' AND engine = 'MaterializedView'`,
    );
    expect(views.length).toBeGreaterThan(5);
    return new Set(views.map(({ sql }) => definerOf(sql)));
  };
  await migrate({ client: engine.admin, database });
  expect(await definers()).toEqual(new Set(['default']));
  // As a version before this one left them.
  const view = `${database}.otel_traces_trace_id_ts_mv`;
  await engine.admin.command({ query: `DROP VIEW ${view} SYNC` });
  await engine.admin.command({
    query: `CREATE MATERIALIZED VIEW ${view} TO ${database}.otel_traces_trace_id_ts AS
      SELECT TraceId, min(Timestamp) AS Start, max(Timestamp) AS End FROM ${database}.otel_traces GROUP BY TraceId`,
  });
  expect(await definers()).toContain(undefined);
  const { steps: planned } = await migrate({ client: engine.admin, database, dryRun: true });
  const { steps } = await migrate({ client: engine.admin, database });
  expect(steps).toEqual(planned);
  expect(steps.map(({ name, statements }) => [name, statements])).toEqual([
    ['rights', ['ALTER TABLE `definers`.`otel_traces_trace_id_ts_mv` MODIFY DEFINER = `default` SQL SECURITY DEFINER']],
  ]);
  expect(await definers()).toEqual(new Set(['default']));
  expect((await migrate({ client: engine.admin, database })).steps).toEqual([]);
});
