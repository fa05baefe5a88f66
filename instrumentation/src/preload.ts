import * as workerThreads from 'node:worker_threads';
import { getConfig } from './config.ts';
import { hookEsmImports } from './esm-hooks.ts';
import { clientCostInstrumentations } from './instrumentations.ts';
import { warnOnce } from './log.ts';
import { importSpecifiers } from './providers.ts';
import { startRecording, wantOwnSdk } from './start.ts';

const REGISTERED = Symbol.for('client-cost registered');

/** Starts everything in this process (or worker thread), once. Never throws. */
export function preload(): void {
  // The thread that Node.js runs asynchronous module hooks in is given the same --require and --import.
  if ((workerThreads as { isInternalThread?: boolean }).isInternalThread === true) return;
  const holder = globalThis as { [REGISTERED]?: boolean };
  if (holder[REGISTERED] === true) return;
  holder[REGISTERED] = true;
  try {
    startRecording();
    if (getConfig().disabled) return;
    clientCostInstrumentations();
    hookEsmImports(importSpecifiers());
    wantOwnSdk();
  } catch (error) {
    warnOnce('register', 'register failed; the application runs without it', error);
  }
}
