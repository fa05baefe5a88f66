import { join } from 'node:path';
import { Child } from './child.ts';
import { freePort } from './ports.ts';
import type { Passwords } from './secrets.ts';

export interface EngineProcessOptions {
  readonly dataDir: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly passwords: Passwords;
  readonly log?: (line: string) => void;
}

export interface EngineProcess {
  readonly url: string;
  readonly port: number;
  readonly pid: number | undefined;
  /** Resolves when the engine has ended, however it did. */
  readonly exited: Promise<unknown>;
  stop(): Promise<void>;
}

/** A big ledger's parts are checked while the engine loads. */
const START_DEADLINE_MS = 120_000;

/**
 * Runs the embedded engine in a process of its own. Throws its own words when it cannot start, a data directory that
 * another engine owns among them.
 */
export async function startEngineProcess(options: EngineProcessOptions): Promise<EngineProcess> {
  const port = options.port === 0 ? 0 : await freePort(options.port, 'ClickHouse over HTTP', '--clickhouse-port');
  let answer: (line: string) => void = () => {};
  const answered = new Promise<string>((resolve) => {
    answer = resolve;
  });
  const child = new Child({
    command: process.execPath,
    args: [join(import.meta.dirname, 'engine-main.js')],
    // Queries run in libuv's pool, four threads by default.
    env: { UV_THREADPOOL_SIZE: process.env.UV_THREADPOOL_SIZE ?? '16' },
    onLine: (line, stream) => {
      if (stream === 'stdout' && line.startsWith('{')) answer(line);
      else options.log?.(`engine: ${line}`);
    },
  });
  const settings = {
    dataDir: options.dataDir,
    port,
    users: [
      { name: 'client_cost', password: options.passwords.client_cost },
      { name: 'grafana', password: options.passwords.grafana, readonly: true },
    ],
  };
  child.process.stdin?.write(`${JSON.stringify(settings)}\n`);

  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), START_DEADLINE_MS);
  });
  const first = await Promise.race([answered, child.exited, late]);
  clearTimeout(timer);
  if (first === undefined) {
    await child.kill();
    throw new Error(`The embedded engine gave no sign of life for ${START_DEADLINE_MS / 1000} s.\n${child.tail()}`);
  }
  if (typeof first !== 'string') {
    throw new Error(`The embedded engine ended while starting (${first.signal ?? first.code}).\n${child.tail()}`);
  }
  const ready = JSON.parse(first) as { url: string; port: number; error?: string };
  if (ready.error !== undefined) {
    await child.exited;
    throw new Error(ready.error);
  }
  return {
    url: ready.url,
    port: ready.port,
    pid: child.pid,
    exited: child.exited,
    async stop() {
      await child.stop();
    },
  };
}
