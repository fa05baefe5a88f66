import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadAddon } from './addon.ts';
import { Accounts, checkUsers } from './auth.ts';
import { defaultMemory, writeConfig } from './config.ts';
import { Connection } from './connection.ts';
import { checkVersion, DataDir } from './data-dir.ts';
import { handle } from './handler.ts';
import { Runtime } from './runtime.ts';
import type { Engine, EngineLogger, EngineOptions } from './types.ts';

const SILENT: EngineLogger = { info: () => undefined, warn: () => undefined, error: () => undefined };
const GRACE_MS = 10_000;
/** Queries and parameters may be in the URL: a server takes a megabyte there. */
const MAX_HEADER_BYTES = 1024 * 1024;
const MAX_CONNECTIONS = 1024;

let active: string | undefined;

/**
 * Starts ClickHouse inside this process and serves its HTTP interface. One engine per process, one process per directory.
 * @throws DataDirError, EngineUnavailableError, or an Error that names the option at fault.
 */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const host = options.host ?? '127.0.0.1';
  const logger = options.logger ?? SILENT;
  const users = options.users ?? [{ name: 'default', password: '' }];
  checkUsers(host, users);
  const addon = loadAddon();
  const memory = options.maxMemoryBytes ?? defaultMemory();
  if (!Number.isSafeInteger(memory) || memory < 256 * 1024 * 1024) {
    throw new Error(`maxMemoryBytes is ${memory}; the engine needs at least 268435456 (256 MiB).`);
  }
  const dir = DataDir.acquire(options.dataDir);
  let control: Connection | undefined;
  try {
    if (active !== undefined) {
      throw new Error(`This process already runs an engine on ${active}; the engine serves one directory per process.`);
    }
    active = dir.root;
    checkVersion(dir.root, dir.recordedVersion(), addon.EngineVersion());
    const config = writeConfig(dir.config, memory, users);
    control = new Connection(addon, dir.store, [`--config-file=${config}`]);
    const facts = await control.query('SELECT version(), timezone(), displayName()', 'JSONCompactEachRow');
    const [version, timezone, displayName] = JSON.parse(Buffer.from(facts.bytes).toString('utf8')) as [
      string,
      string,
      string,
    ];
    dir.recordVersion(version);
    const runtime = new Runtime({
      addon,
      store: dir.store,
      uploads: dir.uploads,
      accounts: new Accounts(users),
      control,
      version,
      timezone,
      displayName,
      maxBodyBytes: options.maxBodyBytes ?? 1024 ** 3,
      maxConcurrent: options.maxConcurrentQueries ?? 100,
      logger,
    });
    const server = await listen(runtime, host, options.port ?? 0);
    const { port } = server.address() as AddressInfo;
    const url = `http://${host.includes(':') ? `[${host.replace(/[[\]]/g, '')}]` : host}:${port}`;
    logger.info(`ClickHouse ${version} on ${url}, data in ${dir.root}`);
    let closing: Promise<void> | undefined;
    const close = () => {
      closing ??= shutDown(server, runtime, control!).finally(() => {
        active = undefined;
        dir.release();
      });
      return closing;
    };
    return { url, port, close };
  } catch (error) {
    await control?.close();
    if (active === dir.root) active = undefined;
    dir.release();
    throw error;
  }
}

function listen(runtime: Runtime, host: string, port: number): Promise<Server> {
  const server = createServer(
    { maxHeaderSize: MAX_HEADER_BYTES, connectionsCheckingInterval: 5_000 },
    (request, response) => {
      handle(runtime, request, response).catch((error: unknown) => response.destroy(error as Error));
    },
  );
  // Long uploads and long queries are normal (body.ts bounds how slow they may be); idle connections are kept longer than any client keeps them.
  server.requestTimeout = 0;
  server.headersTimeout = 15_000;
  server.maxConnections = MAX_CONNECTIONS;
  server.keepAliveTimeout = 600_000;
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE' ? 'the address is in use; choose another port, or 0 for a free one' : error.message;
      reject(new Error(`Cannot listen on ${host}:${port}: ${reason}.`, { cause: error }));
    });
    server.listen(port, host, () => resolve(server));
  });
}

async function shutDown(server: Server, runtime: Runtime, control: Connection): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  // A client that does not read its answer would keep its query for ever.
  const hangUp = setTimeout(() => server.closeAllConnections(), GRACE_MS + 1000);
  await runtime.drain(GRACE_MS);
  server.closeIdleConnections();
  const last = setTimeout(() => server.closeAllConnections(), 1000);
  await closed;
  clearTimeout(hangUp);
  clearTimeout(last);
  await control.close();
}
