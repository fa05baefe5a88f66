import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Address, askAsGrafana, nativeRows } from '../support/clickhouse-go.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let test: TestStack;
let reader: Address;
beforeAll(async () => {
  test = await startTestStack({ collector: 'none' });
  reader = test.stack.reader;
});
afterAll(() => test?.stop());

const refused = async (sql: string, settings?: Record<string, string>) => {
  const { status, body } = await askAsGrafana(reader, sql, settings);
  expect(status, sql).not.toBe(200);
  return body.toString('utf8');
};

describe('the embedded engine, asked as Grafana’s plugin asks', () => {
  it('greets: one Native row at the client’s version that says revision 0', async () => {
    const { status, body } = await askAsGrafana(reader, 'SELECT displayName(), version(), revision(), timezone()');
    expect(status).toBe(200);
    expect(nativeRows(body, true)).toMatchObject([{ 'revision()': 0, 'timezone()': expect.stringMatching(/./) }]);
  });

  it('answers the ping and the version, compressed, with the time-out of the query', async () => {
    const ping = await askAsGrafana(reader, 'SELECT 1');
    expect(ping).toMatchObject({ status: 200, encoding: 'gzip' });
    expect(nativeRows(ping.body)).toEqual([{ 1: 1 }]);
    const version = nativeRows((await askAsGrafana(reader, 'SELECT version()')).body);
    expect(version).toEqual([{ 'version()': expect.stringMatching(/^\d+\.\d+\./) }]);
  });

  it('lets it read the ledger, the views, and what the query builder lists', async () => {
    const rows = async (sql: string) => nativeRows((await askAsGrafana(reader, sql)).body);
    expect(await rows('SELECT count() AS n FROM usage_events_current')).toEqual([{ n: 0 }]);
    expect(await rows("SELECT name FROM system.databases WHERE name = 'client_cost'")).toHaveLength(1);
    expect(
      await rows("SELECT name FROM system.tables WHERE database = 'client_cost' AND name = 'usage_daily'"),
    ).toHaveLength(1);
    expect(
      await rows("SELECT name FROM system.columns WHERE table = 'usage_daily' AND name = 'client_id'"),
    ).toHaveLength(1);
    expect((await rows('SELECT view FROM system.view_refreshes')).length).toBeGreaterThan(0);
  });

  it('says an error as ClickHouse does: the plugin shows it in the panel', async () => {
    const { status, body } = await askAsGrafana(reader, 'SELECT nothing FROM usage_daily');
    expect(status).toBe(404);
    expect(body.toString('utf8')).toMatch(/^Code: 47\. DB::Exception: .*nothing/);
  });

  it.each([
    'INSERT INTO clients (id, name) VALUES (1, 2)',
    'CREATE TABLE t (a UInt8) ENGINE = Memory',
    'CREATE TEMPORARY TABLE t (a UInt8)',
    'ALTER TABLE usage_events DELETE WHERE 1',
    'DROP TABLE usage_events',
    'TRUNCATE TABLE usage_events',
    'OPTIMIZE TABLE usage_events',
    'SYSTEM STOP MERGES usage_events',
    'SYSTEM STOP VIEW usage_daily_refresh',
    'SYSTEM FLUSH LOGS',
    'KILL QUERY WHERE 1',
    "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a UInt8')",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    'GRANT ALL ON *.* TO grafana',
  ])('refuses %s', async (sql) => {
    expect(await refused(sql)).toMatch(/Not enough privileges|readonly mode|no SQL access control/);
  });

  it('does not let it out of readonly, nor past its limits', async () => {
    expect(await refused('SET readonly = 0')).toMatch(/readonly/);
    expect(await refused('SELECT 1 SETTINGS readonly = 0')).toMatch(/readonly/);
    expect(await refused('SELECT 1', { readonly: '0' })).toMatch(/readonly/);
    expect(await refused('SELECT 1', { max_memory_usage: '0' })).toMatch(/readonly/);
  });

  it('wants its password', async () => {
    const { status } = await askAsGrafana({ ...reader, password: 'wrong' }, 'SELECT 1');
    expect(status).toBe(403);
  });
});
