import * as nodeModule from 'node:module';
import { pathToFileURL } from 'node:url';
import { warnOnce } from './log.ts';

type Resolve = nodeModule.ResolveHookSync;
type Load = nodeModule.LoadHookSync;

interface Hook {
  applyOptions(options: { include: readonly string[] }): void;
  resolveSync: Resolve;
  loadSync: Load;
}

const MARK = 'iitm';
const lazyRequire = nodeModule.createRequire(__filename);

/**
 * Lets instrumentations see ESM imports of the modules they patch, through import-in-the-middle. Synchronous hooks where
 * Node.js has working ones (>= 22.22.3, >= 24.11.1): no loader thread, nothing is loaded before the first such import,
 * and every other module goes past import-in-the-middle (whose own synchronous hooks, in front of all modules, break
 * `node -e`). Elsewhere the asynchronous loader, limited to the same modules.
 *
 * @param specifiers as in the import statement: `openai`
 */
export function hookEsmImports(specifiers: readonly string[]): void {
  const { supportsSyncHooks } = lazyRequire('import-in-the-middle/supports-sync-hooks.mjs') as {
    supportsSyncHooks(): boolean;
  };
  if (supportsSyncHooks()) hookSynchronously(specifiers);
  else {
    const parent = pathToFileURL(__filename);
    nodeModule.register('import-in-the-middle/hook.mjs', parent, { data: { include: [...specifiers] } });
  }
}

function hookSynchronously(specifiers: readonly string[]): void {
  const wanted = new Set(specifiers);
  let hook: Hook | undefined;
  let failed = false;
  const load = (): Hook | undefined => {
    if (hook !== undefined || failed) return hook;
    try {
      hook = createHook(specifiers);
    } catch (error) {
      failed = true;
      warnOnce('esm-hooks', `ESM imports of ${specifiers.join(', ')} cannot be instrumented`, error);
    }
    return hook;
  };
  const isOurs = (specifier: string, context: nodeModule.ResolveHookContext): boolean => {
    try {
      return wanted.has(specifier) ? context.conditions.includes('import') : marked(specifier);
    } catch {
      // No module of the application's waits for what is wrong in here.
      return false;
    }
  };
  const resolve: Resolve = (specifier, context, next) => {
    return isOurs(specifier, context)
      ? (load()?.resolveSync(specifier, context, next) ?? next(specifier, context))
      : next(specifier, context);
  };
  const loadSource: Load = (url, context, next) =>
    hook !== undefined && marked(url) ? hook.loadSync(url, context, next) : next(url, context);
  nodeModule.registerHooks({ resolve, load: loadSource });
}

/** Whether a URL is one that import-in-the-middle made: `…?iitm=…`. */
function marked(url: string): boolean {
  const query = url.indexOf('?');
  return query !== -1 && url.includes(MARK, query);
}

function createHook(include: readonly string[]): Hook {
  const entry = lazyRequire.resolve('import-in-the-middle/register-hooks.mjs');
  const { createHook: create } = lazyRequire('import-in-the-middle/create-hook.mjs') as {
    createHook(meta: { url: string }): Hook;
  };
  const hook = create({ url: pathToFileURL(entry).href });
  hook.applyOptions({ include });
  return hook;
}
