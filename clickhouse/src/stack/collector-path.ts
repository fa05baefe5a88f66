import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { isExecutable } from './executable.ts';

export const COLLECTOR_NAME = process.platform === 'win32' ? 'otelcol-client-cost.exe' : 'otelcol-client-cost';

/** The files that decide what is built: a change in any of them is another Collector. */
const PIN_FILES = ['manifest.yaml', 'go.mod', 'go.sum', 'exporterhelper.patch'];

/** `${CLIENT_COST_CACHE_DIR}/collector`, by default `~/.cache/client-cost/collector`. Shared by all clones of one user. */
export function collectorCacheDir(env: NodeJS.ProcessEnv = process.env): string {
  const base = env.CLIENT_COST_CACHE_DIR || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'client-cost');
  return join(base, 'collector');
}

/** 16 hex digits over manifest.yaml, go.mod, go.sum and the patch in `collectorDir`. Throws when one cannot be read. */
export function manifestHash(collectorDir: string): string {
  const hash = createHash('sha256');
  for (const file of PIN_FILES) hash.update(`${file}\0`).update(readFileSync(join(collectorDir, file)));
  return hash.digest('hex').slice(0, 16);
}

/** Name of the cache folder of one build: `<hash>-go1.26.8-linux-x64`. */
export function buildKey(hash: string, goVersion: string): string {
  return `${hash}-go${goVersion}-${process.platform}-${process.arch}`;
}

/**
 * The newest cached build for this platform: of the manifest in `collectorDir` when there is one (then no other build
 * will do), of any manifest otherwise. Undefined when there is none. Needs no Go.
 */
export function findCachedCollector(collectorDir?: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  const cache = collectorCacheDir(env);
  if (!existsSync(cache)) return undefined;
  const known = collectorDir !== undefined && existsSync(join(collectorDir, 'manifest.yaml'));
  const start = known ? `${manifestHash(collectorDir)}-` : '';
  const end = `-${process.platform}-${process.arch}`;
  return readdirSync(cache)
    .filter((name) => name.startsWith(start) && name.endsWith(end))
    .map((name) => join(cache, name, COLLECTOR_NAME))
    .filter(isExecutable)
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}

export interface FoundCollector {
  readonly path: string;
  /** Where it came from, for the log: `option`, `CLIENT_COST_COLLECTOR`, `PATH`, `build cache`. */
  readonly from: string;
}

/**
 * Looks for a Collector binary: `explicit`, then `CLIENT_COST_COLLECTOR`, then `otelcol-client-cost` on PATH, then the
 * build cache. A path that was named but cannot be run is an error, never silently replaced by another.
 */
export function findCollector(
  explicit: string | undefined,
  collectorDir: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): FoundCollector | undefined {
  const named: [string | undefined, string][] = [
    [explicit, 'option'],
    [env.CLIENT_COST_COLLECTOR || undefined, 'CLIENT_COST_COLLECTOR'],
  ];
  for (const [path, from] of named) {
    if (path === undefined) continue;
    if (!isExecutable(path)) {
      throw new Error(
        `The Collector named by ${from === 'option' ? 'collectorPath' : from} cannot be run: ${path}. ` +
          'Give the path of an executable file, or leave it out to search PATH and the build cache.',
      );
    }
    return { path, from };
  }
  for (const dir of (env.PATH ?? '').split(delimiter)) {
    const path = join(dir, COLLECTOR_NAME);
    if (dir !== '' && isExecutable(path)) return { path, from: 'PATH' };
  }
  const cached = findCachedCollector(collectorDir, env);
  return cached === undefined ? undefined : { path: cached, from: 'build cache' };
}
