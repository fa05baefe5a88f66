import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

/** A child process with the instrumentation loaded, as any service would load it. */
export function startMeasured(
  script: string,
  env: Record<string, string>,
  stdio: 'inherit' | 'ignore' = 'inherit',
): ChildProcess {
  const register = require.resolve('@client-cost/instrumentation/register');
  const file = fileURLToPath(new URL(script, import.meta.url));
  return spawn(process.execPath, ['--require', register, file], {
    stdio: ['ignore', stdio, 'inherit', 'ipc'],
    env: { ...ownEnvironment(), ...env },
  });
}

/** The caller's environment without telemetry settings that are meant for other programs. */
function ownEnvironment(): Record<string, string> {
  const pairs = Object.entries(process.env).filter(([name]) => !/^(OTEL_|CLIENT_COST_|NODE_OPTIONS$)/.test(name));
  return Object.fromEntries(pairs) as Record<string, string>;
}

/** The first IPC message of a child; throws when it ends before it says one. */
export async function firstMessage<T>(child: ChildProcess, name: string): Promise<T> {
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`${name} ended with ${code ?? signal} before it was ready`);
  });
  const [message] = await Promise.race([once(child, 'message'), ended]);
  ended.catch(() => {});
  return message as T;
}

/** Waits for a child's end; throws when it is not 0. */
export async function ended(child: ChildProcess, name: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  if (child.exitCode !== 0) throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode}`);
}

/** Asks a child to end as a process manager does, and waits; kills it after 15 seconds. */
export async function terminate(child: ChildProcess, name: string): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
  child.kill('SIGTERM');
  await ended(child, name).finally(() => clearTimeout(timer));
}
