import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { defaultSpoolRoots } from '../spool/place.ts';
import { namesIn } from '../spool/root.ts';

/**
 * The spool folders to look at: the one named, else `CLIENT_COST_SPOOL_DIR`, else those of all services of this user in the default places.
 * Throws when the one that is named is no folder.
 */
export function spoolRoots(dir: string | undefined, env: NodeJS.ProcessEnv): string[] {
  const named = dir ?? (env.CLIENT_COST_SPOOL_DIR?.trim() || undefined);
  if (named !== undefined) {
    const path = resolve(named);
    if (!existsSync(path) || !statSync(path).isDirectory()) throw new Error(`there is no folder ${path}`);
    return [path];
  }
  const places = new Set(defaultSpoolRoots(undefined, env).map((root) => dirname(root)));
  return [...places].flatMap((place) => namesIn(place).map((name) => join(place, name)));
}
