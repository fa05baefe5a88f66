import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** Opaque handles of the native side. */
export type ConnectionHandle = { readonly __connection: never };
export type StreamHandle = { readonly __stream: never };

export interface NativeResult {
  readonly bytes?: Uint8Array;
  readonly elapsed: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
}
export interface NativeInsertResult {
  readonly rowsWritten: number;
  readonly bytesWritten: number;
  readonly elapsed: number;
}
export interface NativeChunk {
  readonly done: boolean;
  readonly bytes: Uint8Array;
  readonly numRows: number;
}

/**
 * The part of chdb 3.4's native addon that is used here. Its public `Session` is not: it defers closing a connection until
 * every query of the process is done, serialises parameterised queries, and lets text formats alone be inserted.
 */
export interface NativeAddon {
  EngineVersion(): string;
  CreateConnection(path: string, args?: readonly string[]): ConnectionHandle;
  CloseConnection(connection: ConnectionHandle): void;
  QueryWithConnection(connection: ConnectionHandle, sql: string, format: string): string;
  QueryAsyncConnection(connection: ConnectionHandle, sql: string, format: string): Promise<NativeResult>;
  InsertRawAsyncConnection(
    connection: ConnectionHandle,
    prefix: string,
    data: Uint8Array,
    countLines: boolean,
  ): Promise<NativeInsertResult>;
  StreamQuery(connection: ConnectionHandle, sql: string, format: string): StreamHandle;
  StreamFetch(stream: StreamHandle): Promise<NativeChunk>;
  StreamCancel(stream: StreamHandle): void;
}

const PLATFORM_PACKAGES: Readonly<Record<string, string>> = {
  'darwin-arm64': '@chdb/lib-darwin-arm64',
  'darwin-x64': '@chdb/lib-darwin-x64',
  'linux-x64': '@chdb/lib-linux-x64-gnu',
  'linux-arm64': '@chdb/lib-linux-arm64-gnu',
};

/** The embedded engine cannot run here; the message says what to do. */
export class EngineUnavailableError extends Error {
  override readonly name = 'EngineUnavailableError';
}

/**
 * Loads the engine's library (about 550 MB on disk).
 * @throws EngineUnavailableError naming the missing package and the way to get it.
 */
export function loadAddon(
  platform = `${process.platform}-${process.arch}`,
  resolve: (id: string) => unknown = load,
): NativeAddon {
  const name = PLATFORM_PACKAGES[platform];
  if (name === undefined) {
    throw new EngineUnavailableError(
      `The embedded ClickHouse engine (chdb) has no build for ${platform}; it runs on ${Object.keys(PLATFORM_PACKAGES).join(', ')} ` +
        '(on Windows: in WSL2). Use a ClickHouse server instead and set CLICKHOUSE_URL.',
    );
  }
  try {
    return resolve(name) as NativeAddon;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    const missing = (error as { code?: string } | null)?.code === 'MODULE_NOT_FOUND';
    throw new EngineUnavailableError(
      missing
        ? `The embedded ClickHouse engine is not installed: the optional package ${name} (of chdb) is missing. ` +
            'Install it with `npm install chdb@3.4.0 --include=optional`, or set CLICKHOUSE_URL to a ClickHouse server.'
        : `The embedded ClickHouse engine ${name} cannot be loaded: ${reason}. It needs glibc (Alpine Linux has none); ` +
            'reinstall with `rm -rf node_modules && npm ci`, or set CLICKHOUSE_URL to a ClickHouse server.',
      { cause: error },
    );
  }
}

function load(name: string): unknown {
  // The platform package is chdb's dependency, not ours: look it up from there, as chdb does.
  return createRequire(require.resolve('chdb/package.json'))(name);
}
