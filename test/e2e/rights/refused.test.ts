import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Accounts, startAccounts } from '../../support/accounts.ts';

// What each user of ClickHouse is refused, by the engine's own access control, with the rights that the migrations grant.
let accounts: Accounts;
beforeAll(async () => {
  accounts = await startAccounts();
});
afterAll(() => accounts?.close());

/** ACCESS_DENIED; READONLY; and NOT_IMPLEMENTED for SQL about users, which the embedded engine has none of. */
const [DENIED, READONLY, NO_SQL_USERS] = [497, 164, 48];

const TABLES = [
  'usage_events',
  'usage_updates',
  'usage_daily',
  'clients',
  'client_prices',
  'usage_alerts',
  'schema_migrations',
];
const OTEL = ['otel_logs', 'otel_traces', 'otel_metrics_sum'];
const VIEWS = ['usage_events_current', 'usage_monthly', 'active_alerts', 'usage_events_rejected', 'usage_intake'];

const READS = [...TABLES, ...OTEL, ...VIEWS].map((name) => `SELECT * FROM ledger.${name} LIMIT 1`);
const OTHERS = [
  'SELECT * FROM other.secrets',
  "INSERT INTO other.secrets VALUES ('x')",
  'SELECT * FROM system.users',
  'SELECT * FROM system.grants',
  'CREATE DATABASE mine',
  'DROP DATABASE other',
  'CREATE TABLE other.mine (a Int8) ENGINE = Memory',
];
const OUTSIDE = [
  "SELECT * FROM file('/etc/passwd', 'LineAsString')",
  "INSERT INTO FUNCTION file('/tmp/out', 'TSV', 'a String') VALUES ('x')",
  "SELECT * FROM url('http://127.0.0.1:9/', 'LineAsString')",
  "SELECT * FROM remote('127.0.0.1', ledger.usage_events)",
];
const change = (table: string) => [
  `ALTER TABLE ledger.${table} DELETE WHERE 1`,
  `ALTER TABLE ledger.${table} ADD COLUMN x Int8`,
  `ALTER TABLE ledger.${table} MODIFY SETTING merge_with_ttl_timeout = 1`,
  `DELETE FROM ledger.${table} WHERE 1`,
  `TRUNCATE TABLE ledger.${table}`,
  `OPTIMIZE TABLE ledger.${table} FINAL`,
  `RENAME TABLE ledger.${table} TO ledger.gone`,
  `DROP TABLE ledger.${table}`,
];
const CHANGES = [...TABLES, 'otel_logs'].flatMap(change);
const OPERATIONS = [
  'SYSTEM STOP VIEW ledger.usage_daily_refresh',
  'SYSTEM REFRESH VIEW ledger.usage_daily_refresh',
  'DROP VIEW ledger.usage_events_mv',
  'CREATE VIEW ledger.mine AS SELECT 1',
  'CREATE MATERIALIZED VIEW ledger.mine TO ledger.usage_events AS SELECT * FROM ledger.usage_updates',
  'CREATE TABLE ledger.mine (a Int8) ENGINE = Memory',
  'KILL QUERY WHERE 1',
  'SYSTEM SHUTDOWN',
  'SYSTEM FLUSH LOGS',
];
const USERS = [
  'CREATE USER mine',
  "ALTER USER owner IDENTIFIED BY 'x'",
  'GRANT ALL ON *.* TO the_writer',
  'SET ROLE ALL',
];
const inserts = (tables: readonly string[], from = 'ledger.otel_logs') =>
  tables.flatMap((table) => [
    `INSERT INTO ledger.${table} FORMAT JSONEachRow {}`,
    `INSERT INTO ledger.${table} SELECT * FROM ${from}`,
  ]);
const FAKE_PRICE = "INSERT INTO ledger.client_prices (client_id, service, usd_per_unit) VALUES ('acme', 'openai', 0)";

const COMMON = [...OTHERS, ...OUTSIDE, ...CHANGES, ...OPERATIONS, ...USERS];
const REFUSED: Record<'writer' | 'sms' | 'reader' | 'operator', readonly string[]> = {
  writer: [
    ...COMMON,
    ...READS,
    ...inserts(TABLES),
    FAKE_PRICE,
    'INSERT INTO ledger.otel_logs SELECT * FROM ledger.otel_logs',
    'INSERT INTO ledger.otel_traces_trace_id_ts FORMAT JSONEachRow {}',
    'DESCRIBE TABLE ledger.usage_events',
    'SELECT count() FROM ledger.otel_logs',
  ],
  sms: [
    ...COMMON,
    ...READS,
    ...inserts([...TABLES.filter((name) => name !== 'usage_alerts'), ...OTEL]),
    FAKE_PRICE,
    'INSERT INTO ledger.usage_alerts SELECT * FROM ledger.usage_alerts',
    'DESCRIBE TABLE ledger.usage_events',
  ],
  reader: [...COMMON, ...inserts([...TABLES, ...OTEL]), FAKE_PRICE, 'SET readonly = 0', 'SET max_result_rows = 5'],
  operator: [
    ...COMMON,
    ...inserts(['usage_updates', 'usage_alerts', 'schema_migrations', ...OTEL], 'ledger.usage_updates'),
  ],
};

describe.each(Object.entries(REFUSED))('%s', (kind, statements) => {
  it('is refused every one of them', async () => {
    const passed: string[] = [];
    for (const sql of statements) {
      const { code, text } = await accounts.ask(accounts[kind as keyof typeof REFUSED], sql);
      const expected = [
        DENIED,
        ...(kind === 'reader' ? [READONLY] : []),
        ...(USERS.includes(sql) ? [NO_SQL_USERS] : []),
      ];
      if (!expected.includes(code)) passed.push(`${sql}\n  ${code}: ${text.slice(0, 200)}`);
    }
    expect(passed).toEqual([]);
  });
});

describe('the same statements, by the owner', () => {
  // A statement that nobody could run proves nothing about the others.
  const runs = [
    ...READS,
    ...OTHERS.filter((sql) => /^SELECT|^INSERT/.test(sql) && !/system\.(users|grants)/.test(sql)),
    FAKE_PRICE,
  ];
  it.each([
    ...runs,
    'DESCRIBE TABLE ledger.usage_events',
    'SYSTEM STOP VIEW ledger.usage_daily_refresh',
    ...change('client_prices').slice(0, -2),
  ])('%s', async (sql) => {
    expect(await accounts.ask(accounts.owner, sql)).toMatchObject({ code: 0 });
  });
});
