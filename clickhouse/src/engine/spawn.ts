import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Engine, EngineOptions } from './types.ts';

const MAIN = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url));
const KILL_AFTER_MS = 30_000;
/** A big ledger's parts are checked while the engine loads. */
const START_DEADLINE_MS = 120_000;

export interface EngineProcess extends Engine {
  readonly pid: number;
  /** Settles with the exit code (null after a signal) when the process has ended, for whatever reason. */
  readonly exited: Promise<number | null>;
}

/**
 * Runs the engine as a process of its own: its memory, its thread pool and its end are not the caller's. It stops with
 * `close()`, and by itself when this process is gone. Lines it logs go to `logger`.
 * @throws Error with what the process said, when it does not come up.
 */
export async function spawnEngine(
  options: Omit<EngineOptions, 'maxBodyBytes' | 'maxConcurrentQueries'>,
): Promise<EngineProcess> {
  const args = ['--data-dir', options.dataDir, '--exit-with-parent'];
  if (options.host !== undefined) args.push('--host', options.host);
  if (options.port !== undefined) args.push('--port', String(options.port));
  if (options.maxMemoryBytes !== undefined) args.push('--max-memory-bytes', String(options.maxMemoryBytes));
  const users = options.users === undefined ? {} : { CLIENT_COST_ENGINE_USERS: JSON.stringify(options.users) };
  // The caller's instrumentation (NODE_OPTIONS) is not meant for the engine.
  const { NODE_OPTIONS: _unused, ...env } = process.env;
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...env, ...users },
    stdio: ['pipe', 'pipe', 'pipe'],
    // A process group of its own: Ctrl-C reaches the caller, who stops its parts in order.
    detached: true,
  });
  child.stdin.on('error', () => undefined);
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => resolve(code));
    child.once('error', () => resolve(null));
  });
  const said: string[] = [];
  createInterface(child.stderr).on('line', (line) => {
    if (said.length < 50) said.push(line);
    options.logger?.info(line);
  });
  const ready = new Promise<{ url: string; port: number }>((resolve, reject) => {
    child.once('error', reject);
    createInterface(child.stdout).on('line', (line) => {
      if (line.startsWith('{"ready":true')) resolve(JSON.parse(line));
    });
    // `close` comes when all that it said has been read.
    child.once('close', (code, signal) =>
      reject(new Error(said.join('\n') || `The engine's process ended with ${signal ?? code} before it was ready.`)),
    );
  });
  const deadline = setTimeout(() => {
    said.push(`The engine gave no sign of life for ${START_DEADLINE_MS / 1000} s.`);
    child.kill('SIGKILL');
  }, START_DEADLINE_MS);
  const { url, port } = await ready.finally(() => clearTimeout(deadline));
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= stop();
    return closing;
  };
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
    await exited;
    clearTimeout(timer);
  };
  return { url, port, pid: child.pid ?? -1, exited, close };
}
