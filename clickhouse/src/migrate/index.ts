export {
  type Account,
  AccountError,
  type AccountOptions,
  type AccountResult,
  accountStatements,
  ensureAccount,
  ensureReader,
  type Reader,
  type ReaderOptions,
  type ReaderResult,
  readerStatements,
} from './accounts.ts';
export {
  ACCOUNT_KINDS,
  ACCOUNTS,
  accountName,
  accountOf,
  accountsOf,
  DEFAULT_READER,
  readerOf,
} from './accounts-env.ts';
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
export { DEFAULT_DATABASE, renderMigration, resolveSchemaOptions, type SchemaOptions } from './render.ts';
export { type AccountKind, limitsOf, rightsOf } from './rights.ts';
export { splitStatements } from './split.ts';
