import { chmodSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SCHEMA, SCHEMA_VERSION } from './schema.ts';

/**
 * Opens the outbox's file, made when missing. What a transaction committed is on disk when it returns: the file outlives a power cut.
 *
 * @param file path, or `:memory:`
 * @throws Error where the file is of a newer version, or not a database
 */
export function openStore(file: string): DatabaseSync {
  if (file !== ':memory:') mkdirSync(dirname(resolve(file)), { recursive: true, mode: 0o700 });
  const db = new DatabaseSync(file, { enableForeignKeyConstraints: true, timeout: 5_000 });
  try {
    // It holds phone numbers; what SQLite puts beside it has the same rights.
    if (file !== ':memory:') ownerOnly(file);
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
    if (version === 0) transaction(db, () => db.exec(`${SCHEMA}; PRAGMA user_version = ${SCHEMA_VERSION};`));
    else if (version !== SCHEMA_VERSION) {
      throw new Error(`${file}: the outbox has version ${version}, this program knows ${SCHEMA_VERSION}`);
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** A file of somebody else's that we may write nevertheless keeps its rights. */
function ownerOnly(file: string): void {
  try {
    chmodSync(file, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  }
}

/** Runs `work` in one transaction: all of it is on disk when this returns, or none of it. Must not be nested; `work` must not wait. */
export function transaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
