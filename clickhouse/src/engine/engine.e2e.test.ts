import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spawnEngine } from './spawn.ts';
import { startTestEngine, type TestEngine } from './testing/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
  await engine.sql('CREATE DATABASE x');
  await engine.sql(
    'CREATE TABLE x.events (id UInt64, ts DateTime64(9), client LowCardinality(String), cost Decimal(18, 12), note Nullable(String), ' +
      'attributes Map(LowCardinality(String), String), tags Array(String)) ENGINE = MergeTree ORDER BY (client, ts, id)',
  );
});
afterAll(() => engine?.remove());

const EVENTS =
  "SELECT number AS id, toDateTime64('2026-11-01 00:00:00', 9) + number AS ts, concat('c', toString(number % 7)) AS client, " +
  "toDecimal64(number, 12) / 1000000 AS cost, number % 3 = 0 ? NULL : concat(char(number % 256), ';\\n\\0') AS note, " +
  "map('k', toString(number), 'x\\ny', '') AS attributes, [toString(number), ''] AS tags FROM numbers(70000)";

async function post(
  path: string,
  body: RequestInit['body'] = '',
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${engine.url}${path}`, { method: 'POST', body, headers });
}
async function block(query: string): Promise<Buffer> {
  const answer = await post('/?default_format=Native', query);
  expect(answer.status).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
}

describe('HTTP interface', () => {
  it('answers the paths of a server', async () => {
    for (const path of ['/ping', '/replicas_status', '/']) {
      const answer = await fetch(engine.url + path);
      expect([path, answer.status, await answer.text()]).toEqual([path, 200, 'Ok.\n']);
    }
    expect((await fetch(`${engine.url}/nothing`)).status).toBe(404);
  });

  it('reads a query from the URL, the body, and both', async () => {
    expect(await (await fetch(`${engine.url}/?query=SELECT%201%2B1`)).text()).toBe('2\n');
    expect(await (await post('/', 'SELECT 3')).text()).toBe('3\n');
    expect(await (await post('/?query=SELECT', '4')).text()).toBe('4\n');
    expect(
      await (
        await fetch(`${engine.url}/?query=SELECT%20{n:UInt8}%20AS%20n&param_n=5&default_format=JSONEachRow`)
      ).json(),
    ).toEqual({ n: 5 });
    const empty = await post('/', ' ');
    expect([empty.status, await empty.text()]).toEqual([400, expect.stringContaining('Code: 62. DB::Exception: ')]);
  });

  it('lets GET read only', async () => {
    const answer = await fetch(
      `${engine.url}/?query=${encodeURIComponent('CREATE TABLE x.g (a UInt8) ENGINE = Memory')}`,
    );
    expect([answer.status, answer.headers.get('X-ClickHouse-Exception-Code')]).toEqual([500, '164']);
  });

  it('sends the headers that clients read', async () => {
    const answer = await post('/?query_id=my-id&default_format=JSONCompact', 'SELECT 1 AS a');
    expect(answer.headers.get('X-ClickHouse-Query-Id')).toBe('my-id');
    expect(answer.headers.get('X-ClickHouse-Format')).toBe('JSONCompact');
    expect(answer.headers.get('Content-Type')).toMatch(/^application\/json/);
    expect(answer.headers.get('X-ClickHouse-Timezone')).toBeTruthy();
    expect(answer.headers.get('X-ClickHouse-Server-Display-Name')).toBeTruthy();
    expect(JSON.parse(answer.headers.get('X-ClickHouse-Summary')!)).toMatchObject({
      read_rows: '1',
      result_bytes: expect.any(String),
    });
    const failed = await post('/', 'SELECT * FROM x.nothing');
    expect([failed.status, failed.headers.get('X-ClickHouse-Exception-Code')]).toEqual([404, '60']);
    expect(await failed.text()).toMatch(/^Code: 60\. DB::Exception: .*\(UNKNOWN_TABLE\) \(version 26\.[\d.]+\)\n$/s);
  });

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ] as const)('reads bodies in %s', async (encoding, compress) => {
    const answer = await post('/', new Uint8Array(compress('SELECT 42')), { 'Content-Encoding': encoding });
    expect(await answer.text()).toBe('42\n');
    const torn = await post('/', new Uint8Array(compress('SELECT 42').subarray(0, 5)), {
      'Content-Encoding': encoding,
    });
    expect([torn.status, await torn.text()]).toEqual([400, expect.stringContaining('Cannot read the request')]);
  });

  it('compresses answers as asked', async () => {
    for (const encoding of ['gzip', 'br', 'deflate', 'zstd']) {
      const answer = await post('/', 'SELECT number FROM numbers(300000)', { 'Accept-Encoding': encoding });
      expect(answer.headers.get('Content-Encoding')).toBe(encoding);
      if (encoding !== 'zstd') expect((await answer.text()).split('\n')).toHaveLength(300_001);
      else await answer.body?.cancel();
    }
    const off = await post('/?enable_http_compression=0', 'SELECT 1', { 'Accept-Encoding': 'gzip' });
    expect(off.headers.get('Content-Encoding')).toBeNull();
  });

  it('says clearly what it does not do', async () => {
    for (const [path, text] of [
      ['/?decompress=1', 'block compression'],
      ['/?role=r', 'role'],
    ] as const) {
      const answer = await post(path, 'SELECT 1');
      expect([answer.status, await answer.text()]).toEqual([501, expect.stringContaining(text)]);
    }
    const unknown = await post('/', 'SELECT 1', { 'Content-Encoding': 'lz4' });
    expect([unknown.status, await unknown.text()]).toEqual([501, expect.stringContaining('"lz4"')]);
  });

  it('answers pings while queries fill every thread', async () => {
    const busy = Array.from({ length: 20 }, () => post('/', 'SELECT sleep(1)'));
    const started = performance.now();
    expect(await (await fetch(`${engine.url}/ping`)).text()).toBe('Ok.\n');
    expect(performance.now() - started).toBeLessThan(900);
    for (const answer of await Promise.all(busy)) expect(answer.status).toBe(200);
  });

  it('refuses more than 100 queries at once with 503 and 202', async () => {
    const answers = await Promise.all(
      Array.from({ length: 130 }, () => post('/', 'SELECT sleepEachRow(0.5) FROM numbers(2)')),
    );
    const refused = answers.filter((answer) => answer.status === 503);
    expect(refused.length).toBeGreaterThanOrEqual(20);
    expect(refused.length).toBeLessThanOrEqual(30);
    expect(await refused[0]!.text()).toContain('Code: 202.');
    for (const answer of answers) if (answer.status !== 503) expect(answer.status).toBe(200);
  });
});

const EVENT_DIGEST = 'SELECT count(), sum(cityHash64(id, ts, client, cost, note, mapSort(attributes), tags)) FROM x.';

describe('inserts', () => {
  beforeAll(() => engine.sql(`INSERT INTO x.events ${EVENTS}`));

  it.each([
    'Native',
    'RowBinary',
    'RowBinaryWithNamesAndTypes',
    'ArrowStream',
    'Parquet',
    'JSONEachRow',
    'JSONCompactEachRow',
    'TSV',
    'CSV',
    'Values',
  ])('carries %s through without a changed value', async (format) => {
    await engine.sql('CREATE OR REPLACE TABLE x.copy AS x.events');
    const out = await post('/', `SELECT * FROM x.events FORMAT ${format}`);
    const bytes = new Uint8Array(await out.arrayBuffer());
    const into = await post(`/?query=${encodeURIComponent(`INSERT INTO x.copy FORMAT ${format}`)}`, bytes);
    expect([into.status, into.status === 200 ? '' : await into.text()]).toEqual([200, '']);
    expect(JSON.parse(into.headers.get('X-ClickHouse-Summary')!).written_rows).toBe('70000');
    expect(await engine.sql(`${EVENT_DIGEST}copy`)).toBe(await engine.sql(`${EVENT_DIGEST}events`));
  });

  it('gives back the very Native block that was inserted', async () => {
    await engine.sql('CREATE OR REPLACE TABLE x.copy AS x.events');
    const before = await block('SELECT * FROM x.events ORDER BY id LIMIT 1000');
    expect(before.length).toBeGreaterThan(10_000);
    const done = await post(
      `/?query=${encodeURIComponent('INSERT INTO x.copy FORMAT Native')}`,
      new Uint8Array(before),
    );
    expect(done.status).toBe(200);
    expect((await block('SELECT * FROM x.copy ORDER BY id')).equals(before)).toBe(true);
  });

  it('takes query and rows together in the body, settings, and no rows at all', async () => {
    await engine.sql('CREATE TABLE x.small (a UInt8, s String) ENGINE = MergeTree ORDER BY a');
    await engine.sql("INSERT INTO x.small VALUES (1, 'a;b'), (2, concat('x', 'y'))");
    await engine.sql(
      'INSERT INTO x.small SETTINGS input_format_skip_unknown_fields = 1 FORMAT JSONEachRow\n{"a":3,"s":"c","z":1}',
    );
    await engine.sql('INSERT INTO x.small (a) FORMAT JSONEachRow');
    await expect(
      engine.sql("INSERT INTO x.small SELECT a, s FROM input('a UInt8, s String') FORMAT CSV\n4,d\n"),
    ).rejects.toThrow(/input/);
    expect(await engine.sql('SELECT * FROM x.small ORDER BY a FORMAT CSV')).toBe('1,"a;b"\n2,"xy"\n3,"c"\n');
    await expect(engine.sql("INSERT INTO x.small VALUES (5, 'e'); DROP TABLE x.small")).rejects.toThrow(/Code: \d+/);
    expect(await engine.sql('EXISTS x.small')).toBe('1\n');
  });

  it('names the row that is wrong, not a file of ours, and leaves no file behind', async () => {
    const answer = await post(
      `/?query=${encodeURIComponent('INSERT INTO x.small FORMAT JSONEachRow')}`,
      '{"a":1}\n{"a":"x"}\n',
    );
    const text = await answer.text();
    expect(answer.status).toBe(400);
    expect(text).toMatch(/at row 2/);
    expect(text).not.toContain(engine.dataDir);
    expect(readdirSync(join(engine.dataDir, 'uploads'))).toEqual([]);
  });

  it('speaks with clickhouse-go: its first question, and its INSERT', async () => {
    const hello = await post(
      '/?default_format=Native&client_protocol_version=54460&database=default',
      'SELECT displayName(), version(), revision(), timezone()',
    );
    const bytes = Buffer.from(await hello.arrayBuffer());
    expect(hello.status).toBe(200);
    expect(bytes.subarray(0, 10).toString('hex')).toBe('010002ffffffff000401');
    expect(bytes.includes('timezone()')).toBe(true);
  });
});

describe('the process', () => {
  it('refreshes views by itself', async () => {
    await engine.sql('CREATE TABLE x.ticks (at DateTime64(3)) ENGINE = MergeTree ORDER BY at');
    await engine.sql(
      'CREATE MATERIALIZED VIEW x.ticker REFRESH EVERY 1 SECOND APPEND TO x.ticks AS SELECT now64(3) AS at',
    );
    await expect
      .poll(async () => Number(await engine.sql('SELECT count() FROM x.ticks')), { timeout: 15_000 })
      .toBeGreaterThanOrEqual(3);
    await engine.sql('SYSTEM STOP VIEW x.ticker');
    const before = Number(await engine.sql('SELECT count() FROM x.ticks'));
    await engine.sql('SYSTEM START VIEW x.ticker');
    await engine.sql('SYSTEM REFRESH VIEW x.ticker');
    await engine.sql('SYSTEM WAIT VIEW x.ticker');
    expect(Number(await engine.sql('SELECT count() FROM x.ticks'))).toBeGreaterThan(before);
    await engine.sql('DROP VIEW x.ticker');
  });

  it('keeps what was acknowledged through kill -9, and takes over the lock', async () => {
    const first = await startTestEngine();
    await first.sql('CREATE TABLE kept (a UInt64) ENGINE = MergeTree ORDER BY a');
    await first.sql('INSERT INTO kept SELECT number FROM numbers(100000)');
    process.kill(first.pid, 'SIGKILL');
    await first.exited;
    expect(JSON.parse(readFileSync(join(first.dataDir, 'engine.lock'), 'utf8')).pid).toBe(first.pid);
    const second = await startTestEngine(undefined, first.dataDir);
    expect(await second.sql('SELECT count(), sum(a) FROM kept')).toBe('100000\t4999950000\n');
    await second.close();
    const third = await startTestEngine(undefined, first.dataDir);
    expect(await third.sql('SELECT count() FROM kept')).toBe('100000\n');
    await third.remove();
  });

  it('tells a second owner who has the directory', async () => {
    await expect(spawnEngine({ dataDir: engine.dataDir })).rejects.toThrow(
      new RegExp(`${engine.dataDir} is in use by process ${engine.pid} .*kill ${engine.pid}`),
    );
    expect(await engine.sql('SELECT 1')).toBe('1\n');
  });

  it('stops soon and with code 0 on SIGTERM, freeing the directory', async () => {
    const other = await startTestEngine();
    const started = performance.now();
    process.kill(other.pid, 'SIGTERM');
    expect(await other.exited).toBe(0);
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(() => readFileSync(join(other.dataDir, 'engine.lock'))).toThrow();
    await other.remove();
  });

  it('stops although a client does not read its answer', async () => {
    const other = await startTestEngine();
    const stuck = await fetch(other.url, { method: 'POST', body: 'SELECT number FROM numbers(1000000000)' });
    process.kill(other.pid, 'SIGTERM');
    expect(await other.exited).toBe(0);
    await stuck.body?.cancel().catch(() => undefined);
    await other.remove();
  });

  it('refuses what cannot work, by name', async () => {
    const at = (more: object) => spawnEngine({ dataDir: join(engine.dataDir, 'other'), ...more });
    await expect(at({ host: '0.0.0.0' })).rejects.toThrow(/0\.0\.0\.0.*empty password/);
    await expect(at({ port: engine.port })).rejects.toThrow(
      new RegExp(`127.0.0.1:${engine.port}.*in use.*another port`),
    );
    await expect(at({ maxMemoryBytes: 1000 })).rejects.toThrow(/maxMemoryBytes is 1000/);
    writeFileSync(join(engine.dataDir, 'other', 'engine.json'), '{"layout":1,"version":"99.1.1.1"}');
    await expect(at({})).rejects.toThrow(/written by ClickHouse 99\.1\.1\.1/);
  });
});
