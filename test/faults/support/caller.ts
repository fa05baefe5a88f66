import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { eventually } from '../../support/stack.ts';
import type { Acknowledged } from './truth.ts';

const require = createRequire(import.meta.url);

/** The file that `--require @client-cost/instrumentation/register` means. */
export const registerFile = (): string => require.resolve('../../../instrumentation/dist/register.js');

export interface CallerOptions {
  /** Base URL of the OpenAI stand-in, with `/v1`. */
  readonly standInUrl: string;
  /** Where its notes are kept; several callers may share it. */
  readonly dir: string;
  readonly spoolDir: string;
  /** `world.serviceEnv()` and what the fault adds. */
  readonly env: Readonly<Record<string, string>>;
  readonly clients?: readonly string[];
  /** Calls a second of the whole process; default 200. */
  readonly ratePerSecond?: number;
  readonly concurrency?: number;
  /** Ends by itself after so many calls. */
  readonly limit?: number;
  /** Another script than caller-main.ts, with the same notes. */
  readonly script?: string;
  readonly nodeArgs?: readonly string[];
}

export interface Caller {
  readonly pid: number;
  readonly process: ChildProcess;
  /** What it told its parent when it was ready. */
  readonly first: unknown;
  /** Every call whose promise has come back so far, read from the notes; whole lines only. */
  readonly acknowledged: Acknowledged[];
  /** Errors that callers saw. */
  readonly failed: string[];
  /** Waits until so many calls are acknowledged. */
  until(calls: number, seconds?: number): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** Code or signal. */
  readonly ended: Promise<number | string>;
  /** SIGTERM to its own handler: it ends its loops and returns, so that we flush. */
  stop(): Promise<void>;
  /** What it wrote to standard error. */
  readonly said: () => string;
}

let count = 0;

/** The environment of a measured process: nothing of ours. */
export function cleanEnv(extra: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(OTEL_|CLIENT_COST_|OPENAI_|CLICKHOUSE_|NODE_OPTIONS|VITEST)/.test(name),
  );
  return { ...(Object.fromEntries(kept) as Record<string, string>), ...extra };
}

/** Starts a measured service under load; resolves when its first calls are under way. */
export async function startCaller(options: CallerOptions): Promise<Caller> {
  const notes = join(options.dir, `notes-${process.pid}-${count++}.jsonl`);
  const { hostname, port } = new URL(options.standInUrl);
  const child = spawn(
    process.execPath,
    [
      ...(options.nodeArgs ?? []),
      '--require',
      registerFile(),
      options.script ?? join(import.meta.dirname, 'caller-main.ts'),
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: cleanEnv({
        OPENAI_API_KEY: 'sk-test',
        OPENAI_BASE_URL: options.standInUrl,
        CLIENT_COST_PROVIDER_HOSTS: `${hostname}:${port}=openai`,
        CLIENT_COST_SPOOL_DIR: options.spoolDir,
        OTEL_SERVICE_NAME: 'caller',
        CALLER_NOTES: notes,
        CALLER_CLIENTS: (options.clients ?? ['acme', 'bolt', 'crane']).join(','),
        CALLER_CONCURRENCY: String(options.concurrency ?? 8),
        CALLER_RATE: String(options.ratePerSecond ?? 200),
        CALLER_LIMIT: String(options.limit ?? Number.MAX_SAFE_INTEGER),
        ...options.env,
      }),
    },
  );
  let stderr = '';
  child.stderr!.on('data', (part) => {
    // In ten minutes without a Collector the SDK's own exporters say much.
    stderr = (stderr + part).slice(-4_000_000);
  });
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string);
  const lines = () => {
    const text = existsSync(notes) ? readFileSync(notes, 'utf8') : '';
    const whole = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
    return whole.filter((line) => line !== '').map((line) => JSON.parse(line) as Acknowledged & { failed?: string });
  };
  const ready = once(child, 'message').then(([message]) => message as unknown);
  const early = ended.then((how) =>
    Promise.reject(new Error(`the caller ended with ${how}: ${stderr.slice(-20_000)}`)),
  );
  early.catch(() => {});
  const first = await Promise.race([ready, early]);
  const acknowledged = () => lines().filter(({ failed }) => failed === undefined);
  return {
    pid: child.pid!,
    process: child,
    first,
    get acknowledged() {
      return acknowledged();
    },
    get failed() {
      return lines().flatMap(({ failed }) => (failed === undefined ? [] : [failed]));
    },
    async until(calls, seconds = 30) {
      const done = async () => (acknowledged().length >= calls ? true : undefined);
      await eventually(`${calls} calls (${stderr.slice(-2000)})`, done, seconds);
    },
    kill: (signal) => void child.kill(signal),
    ended,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
    said: () => stderr,
  };
}

/** Events that wait in a spool folder, as far as files tell: folders of writers that still hold segments. */
export function waitingFolders(spoolDir: string): string[] {
  if (!existsSync(spoolDir)) return [];
  return readdirSync(spoolDir).filter((name) => {
    if (!/^(r-)?w-/.test(name)) return false;
    try {
      return readdirSync(join(spoolDir, name)).some((file) => file.endsWith('.seg'));
    } catch {
      return false;
    }
  });
}

/** Starts a process that replays what is left of dead ones, and waits until nothing is. */
export async function drainSpool(spoolDir: string, env: Readonly<Record<string, string>>, seconds = 60): Promise<void> {
  const source = `
    const { createUsageExporter } = require(${JSON.stringify(require.resolve('../../../exporter/dist/index.js'))});
    const exporter = createUsageExporter();
    setInterval(() => {}, 1000);
    process.on('disconnect', () => exporter.shutdown(5000).then(() => process.exit(0)));`;
  const child = spawn(process.execPath, ['-e', source], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: cleanEnv({ CLIENT_COST_FLUSH_INTERVAL_MS: '50', ...env, CLIENT_COST_SPOOL_DIR: spoolDir }),
  });
  const ended = once(child, 'exit');
  try {
    const empty = async () => (waitingFolders(spoolDir).length === 0 ? true : undefined);
    await eventually('the spool is empty', empty, seconds);
  } finally {
    if (child.connected) child.disconnect();
    await ended;
  }
}
