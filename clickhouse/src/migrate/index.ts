export { loadMigrations, type Migration } from './files.ts';
export {
  type AppliedMigration,
  appliedMigrations,
  type MigrateOptions,
  type MigrateResult,
  MigrationDriftError,
  type MigrationStep,
  migrate,
} from './migrate.ts';
export {
  ensureReader,
  type Reader,
  ReaderError,
  type ReaderOptions,
  type ReaderResult,
  readerStatements,
} from './reader.ts';
export { DEFAULT_READER, readerOf } from './reader-env.ts';
export { DEFAULT_DATABASE, renderMigration, resolveSchemaOptions, type SchemaOptions } from './render.ts';
export { splitStatements } from './split.ts';
