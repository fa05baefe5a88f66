import { Readable } from 'node:stream';
import { type ClickHouseClient, ClickHouseLogLevel, createClient, type DataFormat } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestEngine, type TestEngine } from './testing/engine.ts';

const PASSWORD = "p'w:ü";
const USERS = [
  { name: 'default', password: PASSWORD },
  { name: 'reader', password: 'r', readonly: true },
  { name: 'tenant', password: 't', readonly: true, allowedDatabases: ['x'] },
  { name: 'writer', password: 'w', allowedDatabases: ['x'] },
];

let engine: TestEngine;
const clients: ClickHouseClient[] = [];
function client(username: string, options = {}): ClickHouseClient {
  const password = USERS.find((user) => user.name === username)?.password ?? '';
  const made = createClient({
    url: engine.url,
    username,
    password,
    log: { level: ClickHouseLogLevel.OFF },
    ...options,
  });
  clients.push(made);
  return made;
}
let db: ClickHouseClient;

beforeAll(async () => {
  engine = await startTestEngine(USERS);
  db = client('default');
  await db.command({ query: 'CREATE DATABASE x' });
  await db.command({ query: 'CREATE DATABASE y' });
  await db.command({ query: 'CREATE TABLE y.t (a UInt8) ENGINE = MergeTree ORDER BY a' });
});
afterAll(async () => {
  await Promise.all(clients.map((each) => each.close()));
  await engine?.remove();
});

async function rows(on: ClickHouseClient, query: string, more = {}): Promise<unknown[]> {
  return (await on.query({ query, format: 'JSONEachRow', ...more })).json();
}
async function table(name: string): Promise<string> {
  await db.command({ query: `CREATE OR REPLACE TABLE x.${name} (a UInt64, s String) ENGINE = MergeTree ORDER BY a` });
  return `x.${name}`;
}
const HOSTILE = [
  "a'; DROP TABLE x.t; --",
  'a\\',
  "\\'",
  'line\nbreak\r\ttab',
  'emoji 🦊 ü',
  '}',
  '{s:String}',
  '\\N',
  '"`$x$',
  'x'.repeat(10_000),
];

describe('@clickhouse/client', () => {
  it('pings, with and without a query', async () => {
    expect(await db.ping()).toEqual({ success: true });
    expect(await db.ping({ select: true })).toEqual({ success: true });
  });

  it('inserts objects, streams, CSV and chosen columns, and reads them back', async () => {
    const t = await table('inserts');
    const hostile = HOSTILE.map((s, a) => ({ a, s }));
    const done = await db.insert({ table: t, values: hostile, format: 'JSONEachRow' });
    expect(done.summary?.written_rows).toBe(String(HOSTILE.length));
    await db.insert({
      table: t,
      values: Readable.from(['100,"x;"\n', '101,"y\nz"\n'], { objectMode: false }),
      format: 'CSV',
    });
    await db.insert({
      table: t,
      values: Readable.from([{ a: 102 }, { a: 103 }]),
      format: 'JSONEachRow',
      columns: ['a'],
    });
    await db.insert({ table: t, values: [[104, 'compact']], format: 'JSONCompactEachRow' });
    const read = (await rows(db, `SELECT toUInt32(a) AS a, s FROM ${t} ORDER BY a`)) as { a: number; s: string }[];
    expect(read.slice(0, HOSTILE.length)).toEqual(hostile);
    expect(read.slice(HOSTILE.length).map((row) => row.s)).toEqual(['x;', 'y\nz', '', '', 'compact']);
  });

  it('takes rows of an insert for rows, never for SQL', async () => {
    const t = await table('injection');
    const values = Readable.from([`{"a":1,"s":"x"};\nDROP TABLE ${t}`], { objectMode: false });
    await expect(db.exec({ query: `INSERT INTO ${t} FORMAT JSONEachRow`, values })).rejects.toThrow();
    expect(await rows(db, `SELECT count() > -1 AS there FROM ${t}`)).toEqual([{ there: 1 }]);
  });

  it('binds parameters on the server, hostile ones included', async () => {
    for (const s of HOSTILE) {
      const [row] = await rows(
        db,
        'SELECT {s:String} AS s, length({a:Array(String)}) AS n, {d:Nullable(String)} AS d',
        {
          query_params: { s, a: [s, s], d: null },
        },
      );
      expect(row).toEqual({ s, n: 2, d: null });
    }
    expect(
      await rows(db, 'SELECT count() AS n FROM {t:Identifier}', { query_params: { t: 'y.t' } }).catch((e) => e.code),
    ).toBe('60');
  });

  it.each(['JSON', 'JSONCompact', 'JSONColumnsWithMetadata'] as DataFormat[])(
    'answers %s whole, from many blocks',
    async (format) => {
      const answer = await db.query({ query: 'SELECT number FROM numbers(200000)', format });
      const json = (await answer.json()) as { rows: number; statistics: { rows_read: number } };
      expect(json.rows).toBe(200_000);
      expect(json.statistics.rows_read).toBe(200_000);
    },
  );

  it.each([
    ['JSONEachRow', 200_000],
    ['JSONCompactEachRow', 200_000],
    ['TabSeparated', 200_000],
    ['CSV', 200_000],
    ['CSVWithNames', 200_001],
    ['TabSeparatedWithNamesAndTypes', 200_002],
    ['JSONCompactEachRowWithNames', 200_001],
  ] as [DataFormat, number][])('answers %s in lines', async (format, lines) => {
    const answer = await db.query({ query: 'SELECT number FROM numbers(200000)', format });
    expect((await answer.text()).trimEnd().split('\n')).toHaveLength(lines);
  });

  it('streams rows', async () => {
    const answer = await db.query({ query: 'SELECT number FROM numbers(300000)', format: 'JSONEachRow' });
    let count = 0;
    for await (const chunk of answer.stream()) count += (chunk as unknown[]).length;
    expect(count).toBe(300_000);
  });

  it('tells of a failure in the middle of a stream', async () => {
    const answer = await db.query({
      query: 'SELECT throwIf(number = 900000), number FROM numbers(2000000)',
      format: 'JSONEachRow',
    });
    const read = async () => {
      for await (const _chunk of answer.stream());
    };
    await expect(read()).rejects.toMatchObject({ code: '395' });
  });

  it('applies settings to their own query, and keeps their values values', async () => {
    const setting = "SELECT value AS v FROM system.settings WHERE name = 'max_block_size'";
    expect(await rows(db, setting, { clickhouse_settings: { max_block_size: '123' } })).toEqual([{ v: '123' }]);
    expect(await rows(db, setting)).not.toEqual([{ v: '123' }]);
    const hostile = { log_comment: "x', readonly = 2, log_comment = 'y" };
    expect(
      await rows(db, "SELECT getSetting('log_comment') AS v, getSetting('readonly') AS r", {
        clickhouse_settings: hostile,
      }),
    ).toEqual([{ v: hostile.log_comment, r: 0 }]);
    await expect(rows(db, 'SELECT 1', { clickhouse_settings: { no_such: 1 } })).rejects.toMatchObject({ code: '115' });
    await expect(rows(db, 'SELECT 1', { clickhouse_settings: { max_threads: 'many' } })).rejects.toThrow(/many/);
  });

  it('gives the codes of errors', async () => {
    await expect(rows(db, 'SELEC 1')).rejects.toMatchObject({ code: '62', type: 'SYNTAX_ERROR' });
    await expect(rows(db, 'SELECT * FROM x.no_such')).rejects.toMatchObject({ code: '60', type: 'UNKNOWN_TABLE' });
    await expect(rows(db, 'SELECT 1; SELECT 2')).rejects.toMatchObject({ code: '62' });
    await expect(rows(client('default', { database: 'nowhere' }), 'SELECT 1')).rejects.toMatchObject({ code: '81' });
    await expect(rows(client('default', { password: 'wrong' }), 'SELECT 1')).rejects.toMatchObject({ code: '516' });
    await expect(rows(client('nobody'), 'SELECT 1')).rejects.toMatchObject({ code: '516' });
    const t = await table('broken');
    const values = Readable.from(['{"a":1,"s":"ok"}\n{"a":"no"}\n'], { objectMode: false });
    await expect(db.exec({ query: `INSERT INTO ${t} FORMAT JSONEachRow`, values })).rejects.toMatchObject({
      code: '27',
    });
    await expect(db.command({ query: "CREATE USER u IDENTIFIED BY 'x'" })).rejects.toThrow(
      /users are given at its start/,
    );
    await expect(db.command({ query: 'GRANT SELECT ON *.* TO u' })).rejects.toThrow(/ClickHouse server/);
  });

  it('compresses both ways', async () => {
    const t = await table('gzip');
    const zip = client('default', { compression: { request: true, response: true } });
    await zip.insert({
      table: t,
      values: Array.from({ length: 5000 }, (_, a) => ({ a, s: 'x' })),
      format: 'JSONEachRow',
    });
    expect(await rows(zip, `SELECT * FROM ${t}`)).toHaveLength(5000);
  });

  it('uses the database of the client, exec and command', async () => {
    const inX = client('default', { database: 'x' });
    await inX.command({ query: 'CREATE TABLE of_client (a UInt8) ENGINE = Memory' });
    expect(await rows(inX, 'SELECT currentDatabase() AS d, count() AS n FROM of_client')).toEqual([{ d: 'x', n: 0 }]);
    const { stream } = await db.exec({ query: 'SELECT 1 FORMAT CSV' });
    let text = '';
    for await (const chunk of stream) text += chunk;
    expect(text).toBe('1\n');
  });

  it('keeps a session’s temporary table and settings, one query at a time', async () => {
    const session = client('default', { session_id: 's1' });
    await session.command({ query: 'CREATE TEMPORARY TABLE tmp (a UInt8)' });
    await session.command({ query: 'SET max_block_size = 77' });
    await session.insert({ table: 'tmp', values: [{ a: 7 }], format: 'JSONEachRow' });
    const query = "SELECT a, getSetting('max_block_size') AS b FROM tmp";
    expect(await rows(session, query, { clickhouse_settings: { max_block_size: '5' } })).toEqual([{ a: 7, b: 5 }]);
    expect(await rows(session, query)).toEqual([{ a: 7, b: 77 }]);
    await expect(rows(db, 'SELECT * FROM tmp')).rejects.toMatchObject({ code: '60' });
    const both = await Promise.allSettled([
      rows(session, 'SELECT sleep(1)'),
      rows(client('default', { session_id: 's1' }), 'SELECT sleep(1)'),
    ]);
    expect(both.map((each) => each.status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('stops a query whose client left', async () => {
    const abort = new AbortController();
    const query = 'SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1';
    const running = rows(db, query, { abort_signal: abort.signal }).catch(() => 'aborted');
    const others = `SELECT count() AS n FROM system.processes WHERE query LIKE '%sipHash64(number) = 1%' AND query NOT LIKE '%processes%'`;
    await expect.poll(() => rows(db, others), { timeout: 10_000 }).toEqual([{ n: 1 }]);
    abort.abort();
    expect(await running).toBe('aborted');
    await expect.poll(() => rows(db, others), { timeout: 10_000 }).toEqual([{ n: 0 }]);
  });
});

describe('users', () => {
  it('lets a readonly user read, and nothing else', async () => {
    const reader = client('reader');
    expect(
      await rows(reader, 'SELECT count() AS n FROM y.t', { clickhouse_settings: { max_execution_time: 9 } }),
    ).toEqual([{ n: 0 }]);
    const attempts: [string, string][] = [
      ['INSERT INTO y.t VALUES (1)', '497'],
      ['CREATE TABLE x.q (a UInt8) ENGINE = Memory', '497'],
      ['SELECT 1 SETTINGS readonly = 0', '164'],
      ['SELECT 1 SETTINGS max_memory_usage = 1', '164'],
      ['SET readonly = 0', '164'],
      ['SET ROLE client_cost_admin', '497'],
      ['set/**/role all', '497'],
      ["SELECT 1 INTO OUTFILE '/tmp/client-cost-never'", '358'],
      ['SELECT 1; SET readonly = 0', '62'],
      ['SYSTEM STOP MERGES y.t', '497'],
      ['KILL QUERY WHERE 1', '497'],
      ["SELECT * FROM url('http://127.0.0.1:1/', LineAsString)", '497'],
    ];
    for (const [query, code] of attempts) {
      const outcome = await reader.command({ query }).then(
        () => 'done',
        (error) => error.code,
      );
      expect(`${query}: ${outcome}`).toBe(`${query}: ${code}`);
    }
    await expect(rows(reader, 'SELECT 1', { clickhouse_settings: { readonly: '0' } })).rejects.toMatchObject({
      code: '164',
    });
    await expect(reader.command({ query: 'DROP TABLE y.t' })).rejects.toThrow(/^reader: Not enough privileges/);
  });

  it('keeps a user in its databases, reading and writing', async () => {
    const tenant = client('tenant');
    expect(await rows(tenant, "SELECT name FROM system.databases WHERE name IN ('x', 'y')")).toEqual([{ name: 'x' }]);
    const refused = async (on: ClickHouseClient, query: string) =>
      expect(on.command({ query }), query).rejects.toMatchObject({ code: expect.stringMatching(/^(497|60|81)$/) });
    await refused(tenant, 'SELECT * FROM y.t');
    const writer = client('writer');
    const t = await table('of_writer');
    await writer.insert({ table: t, values: [{ a: 1, s: '' }], format: 'JSONEachRow' });
    expect(await rows(writer, `SELECT count() AS n FROM ${t}`)).toEqual([{ n: 1 }]);
    await refused(writer, 'INSERT INTO y.t VALUES (1)');
    await refused(writer, 'CREATE VIEW x.peek AS SELECT * FROM y.t');
    await refused(writer, 'CREATE VIEW x.peek SQL SECURITY DEFINER AS SELECT 1');
    await refused(writer, "SELECT * FROM file('/etc/hostname', LineAsString)");
    await refused(writer, 'SELECT 1 PARALLEL WITH SET ROLE client_cost_admin');
  });

  it('gives not even an administrator the files of the machine', async () => {
    await expect(rows(db, "SELECT * FROM file('/etc/hostname', LineAsString)")).rejects.toMatchObject({ code: '497' });
    await expect(db.command({ query: "INSERT INTO y.t FROM INFILE '/etc/hostname' FORMAT CSV" })).rejects.toMatchObject(
      { code: '358' },
    );
  });
});
