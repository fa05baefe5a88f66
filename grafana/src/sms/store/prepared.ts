import type { DatabaseSync, StatementSync } from 'node:sqlite';

const known = new WeakMap<DatabaseSync, Map<string, StatementSync>>();

/** A statement that is prepared once per database: what runs for each of thousands of alerts spends most of its time on that otherwise. */
export function prepared(db: DatabaseSync, sql: string): StatementSync {
  const statements = known.get(db) ?? new Map<string, StatementSync>();
  known.set(db, statements);
  const statement = statements.get(sql) ?? db.prepare(sql);
  statements.set(sql, statement);
  return statement;
}
