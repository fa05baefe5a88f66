import { expect, it } from 'vitest';
import { definerOf } from './definer.ts';

it.each([
  ['CREATE MATERIALIZED VIEW d.v TO d.t (`a` Int8) DEFINER = owner SQL SECURITY DEFINER AS SELECT 1', 'owner'],
  ['CREATE MATERIALIZED VIEW d.v TO d.t (`a` Int8) DEFINER = `o\\`w n` SQL SECURITY DEFINER AS SELECT 1', 'o`w n'],
  ['CREATE MATERIALIZED VIEW d.v TO d.t (`a` Int8) AS SELECT 1', undefined],
  ['CREATE MATERIALIZED VIEW d.v TO d.t (`a` Int8) SQL SECURITY INVOKER AS SELECT 1', undefined],
  ["CREATE MATERIALIZED VIEW d.v TO d.t (`a` Int8) AS SELECT 'DEFINER = x SQL SECURITY DEFINER AS'", undefined],
])('%s', (sql, definer) => {
  expect(definerOf(sql)).toBe(definer);
});
