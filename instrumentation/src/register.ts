// node --require @client-cost/instrumentation/register app.js   (or --import; CommonJS and ESM applications)
import * as nodeModule from 'node:module';
import { pathToFileURL } from 'node:url';
import { getConfig } from './config.ts';
import { clientCostInstrumentations } from './index.ts';
import { warnOnce } from './log.ts';
import { PROVIDERS } from './providers.ts';
import { startRecording, wantOwnSdk } from './start.ts';

const REGISTERED = Symbol.for('client-cost registered');

function register(): void {
  const holder = globalThis as { [REGISTERED]?: boolean };
  if (holder[REGISTERED] === true) return;
  holder[REGISTERED] = true;
  try {
    startRecording();
    if (getConfig().disabled) return;
    clientCostInstrumentations();
    hookEsm();
    wantOwnSdk();
  } catch (error) {
    warnOnce('register', 'register failed; the application runs without it', error);
  }
}

/**
 * Lets the instrumentations see ESM imports of the modules they patch, and of no other. Synchronous hooks where
 * Node.js has working ones (>= 22.22.3, >= 24.11.1): they need no thread of their own.
 */
function hookEsm(): void {
  const include = PROVIDERS.flatMap((provider) => provider.modules);
  const lazyRequire = nodeModule.createRequire(__filename);
  const { supportsSyncHooks } = lazyRequire('import-in-the-middle/supports-sync-hooks.mjs') as SyncSupport;
  if (supportsSyncHooks()) {
    const { register: registerHooks } = lazyRequire('import-in-the-middle/register-hooks.mjs') as SyncHooks;
    registerHooks({ include });
  } else {
    nodeModule.register('import-in-the-middle/hook.mjs', pathToFileURL(__filename), { data: { include } });
  }
}

interface SyncSupport {
  supportsSyncHooks(): boolean;
}

interface SyncHooks {
  register(options: { include: readonly string[] }): void;
}

register();
