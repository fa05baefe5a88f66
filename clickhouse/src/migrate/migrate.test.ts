import { describe, expect, test } from 'vitest';
import { loadMigrations, renderMigration, splitStatements } from './index.ts';
import { resolveSchemaOptions } from './render.ts';

describe('splitStatements', () => {
  test.each<[string, string, string[]]>([
    ['two', 'SELECT 1; SELECT 2;', ['SELECT 1', 'SELECT 2']],
    ['string', "SELECT ';'; SELECT 2", ["SELECT ';'", 'SELECT 2']],
    ['doubled quote', "SELECT 'it''s;'; SELECT 2", ["SELECT 'it''s;'", 'SELECT 2']],
    ['escaped quote', "SELECT 'a\\';b'; SELECT 2", ["SELECT 'a\\';b'", 'SELECT 2']],
    ['names', 'SELECT `a;b`, "c;d"; SELECT 2', ['SELECT `a;b`, "c;d"', 'SELECT 2']],
    ['line comment', "SELECT 1 -- it's; here\n; SELECT 2", ["SELECT 1 -- it's; here", 'SELECT 2']],
    ['block comment', "SELECT /* ; ' */ 1; SELECT 2", ["SELECT /* ; ' */ 1", 'SELECT 2']],
    ['heredoc', "SELECT $x$ ; ' $x$; SELECT 2", ["SELECT $x$ ; ' $x$", 'SELECT 2']],
    ['only comments', '-- nothing;\n/* here; */ ;;', []],
    ['comment before', '-- why\nSELECT 1;', ['-- why\nSELECT 1']],
    ['dollar that is no heredoc', 'SELECT $1; SELECT 2', ['SELECT $1', 'SELECT 2']],
    ['unclosed string', "SELECT 'a; b", ["SELECT 'a; b"]],
  ])('%s', (_, sql, statements) => {
    expect(splitStatements(sql)).toEqual(statements);
  });
});

describe('renderMigration', () => {
  const one = resolveSchemaOptions({});
  const many = resolveSchemaOptions({ cluster: 'main', retentionDays: 0 });

  test.each([
    ['{{db}}.t{{on_cluster}}', '`client_cost`.t', '`client_cost`.t ON CLUSTER `main`'],
    ['{{engine:MergeTree}}', 'MergeTree', "ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')"],
    [
      '{{engine:ReplacingMergeTree(version)}}',
      'ReplacingMergeTree(version)',
      "ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', version)",
    ],
    [
      '{{engine_everywhere:MergeTree}}',
      'MergeTree',
      "ReplicatedMergeTree('/clickhouse/tables/{uuid}/all', '{shard}-{replica}')",
    ],
    ['{{local:t}}', 't', 't_local'],
    ['{{read:t}}', '`client_cost`.t', "cluster('main', `client_cost`.t)"],
    ['{{ttl:toDateTime(x)}}', 'TTL toDateTime(x) + toIntervalDay(30)', ''],
    [
      '{{distributed:t:cityHash64(id)}}',
      '',
      "CREATE TABLE IF NOT EXISTS `client_cost`.t ON CLUSTER `main` AS `client_cost`.t_local\nENGINE = Distributed('main', 'client_cost', 't_local', cityHash64(id));",
    ],
    ['{{define:f}}a {{db}}{{enddefine}}[{{use:f}}]', '[a `client_cost`]', '[a `client_cost`]'],
  ])('%s', (sql, single, cluster) => {
    expect(renderMigration(sql, one)).toBe(single);
    expect(renderMigration(sql, many)).toBe(cluster);
  });

  test('an unknown placeholder is an error', () => {
    expect(() => renderMigration('{{typo}}', one)).toThrow('unknown placeholder {{typo}}');
    expect(() => renderMigration('{{use:nothing}}', one)).toThrow('unknown placeholder {{use:nothing}}');
  });

  test.each([
    [{ database: 'a`b' }, /database "a`b"/],
    [{ cluster: "x'" }, /cluster/],
    [{ retentionDays: 1.5 }, /retentionDays 1.5/],
    [{ refreshSeconds: 0 }, /refreshSeconds 0/],
  ])('refuses %j', (options, message) => {
    expect(() => resolveSchemaOptions(options)).toThrow(message);
  });
});

const REPEATABLE =
  /^(CREATE [A-Z ]+ IF NOT EXISTS |CREATE OR REPLACE VIEW |DROP (TABLE|VIEW) IF EXISTS |ALTER TABLE \S+\s+(ON CLUSTER \S+\s+)?(MODIFY (QUERY|SETTING)\s|RESET SETTING\s|COMMENT COLUMN |(ADD|DROP) (COLUMN|INDEX) IF (NOT )?EXISTS ))/;
/** A part of an ALTER that a second run would fail on. */
const ONCE = /\b(ADD|DROP) (COLUMN|INDEX) (?!IF )/;

// Several processes may migrate at once, and a run that broke off is repeated.
test('every statement can be repeated', () => {
  for (const cluster of [undefined, 'main']) {
    const options = resolveSchemaOptions({ cluster });
    for (const { name, up, down } of loadMigrations()) {
      for (const sql of [up, down]) {
        for (const statement of splitStatements(renderMigration(sql, options))) {
          const bare = statement.replace(/^(--[^\n]*\n\s*)+/, '');
          expect(bare, name).toMatch(REPEATABLE);
          expect(bare, name).not.toMatch(ONCE);
        }
      }
    }
  }
});
