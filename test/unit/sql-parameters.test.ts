import { globSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { scan } from './sql/scan.ts';

const root = join(import.meta.dirname, '..', '..');

/**
 * Parts of SQL that are neither constant nor quoted, by file, and why no input gets in by them. Dashboards, rules and Grafana's macros are text that
 * is generated once and committed; what a reader types there is bound by Grafana's own formats (test/e2e/grafana).
 */
const EXPLAINED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'clickhouse/src/cli/doctor-ledger.ts': {
    db: 'a parameter: its one caller gives identifier(connection.database)',
    view: 'said to a person, not sent',
    database: 'said to a person, not sent',
  },
  'clickhouse/src/cli/migrate.ts': { "names.join(', ')": 'said to a person, not sent' },
  'clickhouse/src/corrections/read.ts': {
    conditions: 'joined from texts of this file; the values go as parameters',
    part: 'one of those texts',
  },
  'clickhouse/src/engine/config.ts': {
    right: "rights of the operator's own configuration, given as SQL by contract (EngineUser.grants)",
    "roleXml.join('\\n')": 'roles made above, names hex or constant, escaped as XML',
    "[...roles.keys()].join(', ')": 'names of roles: hex or constant',
  },
  'clickhouse/src/engine/handler.ts': {
    "before.toString('utf8')":
      'the statement that the user sent, with the rights of that user; checked to be one INSERT',
    path: 'made by us from a random UUID, quoted',
    settings: 'a piece of the same statement of the user',
    'head.format': 'a word of the same statement of the user',
  },
  'clickhouse/src/migrate/accounts.ts': {
    "limits.join(', ')": 'constants of this file',
    identified: 'made above: identifier() and literal()',
    right: 'made by rightsOf(): identifier() and constants',
    "rights.join(', ')": 'made by rightsOf(): identifier() and constants',
  },
  'clickhouse/src/migrate/rights.ts': { name: 'of a constant list of system tables, a parameter of an inner function' },
  'clickhouse/src/migrate/render.ts': {
    target: 'identifier() and a name in a migration file of ours',
    'onCluster(options)': 'ON CLUSTER with identifier()',
    key: 'written in a migration file of ours',
    table: 'written in a migration file of ours',
    change: 'written in a migration file of ours',
  },
  'clickhouse/src/migrate/tune.ts': {
    every: 'a whole number, checked by resolveSchemaOptions()',
    change: 'constant texts and a column of a constant table',
  },
  'exporter/src/sender/clickhouse.ts': {
    table: 'the database from the configuration, quoted with its backticks and backslashes escaped',
  },
  'grafana/src/sms/delivery/text.ts': {
    message: "an alias of a table: 'm' or 'o'",
    "alertsOf('m')": 'constant',
    "alertsOf('o')": 'constant',
  },
  'grafana/src/sms/server/health.ts': {
    version: 'a whole number that SQLite itself answered; a PRAGMA takes no parameters',
  },
};

const sources = globSync('{exporter,instrumentation,clickhouse,grafana,examples}/src/**/*.ts', { cwd: root })
  .filter((file) => !/\.test\.ts$|\/testing\/|^grafana\/src\/(dashboards|alerting|plugin)\//.test(file))
  .sort();

describe('SQL is made of constants, quoted names and parameters', () => {
  const found = sources.flatMap((file) => scan(join(root, file), file));

  it('in every source file', () => {
    expect(sources.length).toBeGreaterThan(150);
    const unexplained = found.filter(({ file, expression }) => EXPLAINED[file]?.[expression] === undefined);
    expect(unexplained.map(({ file, line, expression }) => `${file}:${line}: ${expression}`)).toEqual([]);
  });

  it('every explanation is of something that is there', () => {
    const there = new Set(found.map(({ file, expression }) => `${file}: ${expression}`));
    const explained = Object.entries(EXPLAINED).flatMap(([file, parts]) =>
      Object.keys(parts).map((part) => `${file}: ${part}`),
    );
    expect(explained.filter((one) => !there.has(one))).toEqual([]);
  });

  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: source texts that are scanned
  test.each([
    ['a value', 'export const f = (x: string) => `SELECT * FROM t WHERE a = ${x}`;', ['x']],
    ['a value in quotes', "export const f = (x: string) => `SELECT * FROM t WHERE a = '${x}'`;", ['x']],
    ['a field', 'export const f = (o: { id: string }) => `DELETE FROM t WHERE id = ${o.id}`;', ['o.id']],
    ['a piece of a condition', "export const f = (x: string) => ` AND a = '${x}'`;", ['x']],
    ['a call', 'export const f = (g: () => string) => `ORDER BY ${g()}`;', ['g()']],
    ['a text that is added', "export const f = (x: string) => 'SELECT * FROM t WHERE a = ' + x;", ['x']],
    ['a list', "export const f = (x: string[]) => `SELECT 1 WHERE a IN (${x.join(', ')})`;", ["x.join(', ')"]],
    ['a variable that changes', "let x = 'a'; export const f = () => `SELECT ${x} FROM t`;", ['x']],
    ['a template in a template', 'export const f = (x: string) => `SELECT * FROM t ${`WHERE a = ${x}`}`;', ['x']],
    ['a pragma', 'export const f = (x: string) => `PRAGMA user_version = ${x}`;', ['x']],
  ])('%s is seen', (_name, source, expressions) => {
    expect([...new Set(scan(join(root, 'x.ts'), 'x.ts', source).flatMap(({ expression }) => expression))]).toEqual(
      expect.arrayContaining(expressions),
    );
  });

  test.each([
    ['a quoted name', 'export const f = (x: string) => `SELECT * FROM ${identifier(x)} WHERE a = ${literal(x)}`;'],
    ['a quoted list', "export const f = (x: string[]) => `SELECT 1 WHERE a IN (${x.map(literal).join(', ')})`;"],
    ['a constant', "const T = 'usage' as const; export const f = () => `SELECT * FROM ${T}`;"],
    [
      'a constant of constants',
      "const C = ['a', 'b'] as const; export const f = () => `SELECT ${C.join(', ')} FROM t`;",
    ],
    ['one of two constants', "export const f = (x: boolean) => `SELECT * FROM t ${x ? 'FINAL' : ''}`;"],
    ['a parameter', 'export const f = () => `SELECT * FROM t WHERE a = {x:String}`;'],
    ['a message', 'export const f = (x: string) => `${x} is not a name`;'],
  ])('%s passes', (_name, source) => {
    expect(scan(join(root, 'x.ts'), 'x.ts', source)).toEqual([]);
  });
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: source texts that are scanned
});
