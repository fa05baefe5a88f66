import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ExporterConfig } from './config.ts';
import type { HandOver } from './spool/hand-over.ts';

/** One exporter's events and where they go. */
export interface DrainJob extends HandOver {
  readonly config: ExporterConfig;
}

/** What the drain script reads from its standard input: no secret is in its arguments. */
export interface DrainOrder {
  readonly timeoutMs: number;
  readonly jobs: readonly DrainJob[];
}

/** Start of a Node process on a loaded machine, before its own deadline begins. */
const START_MS = 1_500;

/**
 * Sends what an ending process left, in a process of its own, and waits for it: the caller is in its synchronous `exit` event and can do
 * nothing asynchronous any more. Silent; throws never. What is not sent stays in the spool.
 */
export function drainInChild(jobs: readonly DrainJob[], timeoutMs: number): void {
  const script = join(__dirname, 'drain-main.js');
  // In a bundle the script is not there; a single executable application would start itself.
  if (!existsSync(script) || isSingleExecutable()) return;
  const env = inherited();
  const order: DrainOrder = { timeoutMs, jobs };
  process.getBuiltinModule('node:child_process').spawnSync(process.execPath, [script], {
    input: JSON.stringify(order),
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: __dirname,
    env: { ...env, ELECTRON_RUN_AS_NODE: '1' },
    timeout: timeoutMs + START_MS,
    killSignal: 'SIGKILL',
    windowsHide: true,
  });
}

function isSingleExecutable(): boolean {
  try {
    return process.getBuiltinModule('node:sea').isSea();
  } catch {
    return false;
  }
}

/** The environment without what it loads into each process. What cannot be read (a strict proxy) is left out. */
function inherited(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  for (const name of Object.keys(process.env)) {
    if (name === 'NODE_OPTIONS') continue;
    try {
      env[name] = process.env[name];
    } catch {
      // Not set, then.
    }
  }
  return env;
}
