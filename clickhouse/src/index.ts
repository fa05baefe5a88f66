export * from './alerts/index.ts';
export { type CliIo, processIo } from './cli/io.ts';
export { runCli } from './cli/program.ts';
export {
  type Connection,
  type ConnectionOptions,
  ConnectionSettingError,
  createLedgerClient,
  resolveConnection,
} from './client.ts';
export * from './corrections/index.ts';
export * from './migrate/index.ts';
export * from './queries/index.ts';
