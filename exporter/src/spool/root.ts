import fs from 'node:fs';
import { join } from 'node:path';
import { isAlive, parseFolderName } from './identity.ts';

/** Folders looked into at once: a service that died a thousand times must not make its next start slow. */
const MOST = 1_000;

/** Names of spool folders under `root` whose owner is gone. Throws when the root cannot be read. */
export function orphans(root: string, now = Date.now()): string[] {
  const found: string[] = [];
  for (const name of fs.readdirSync(root)) {
    const owner = parseFolderName(name);
    if (owner === undefined) continue;
    try {
      if (owner === 'released' || !isAlive(owner, now - fs.statSync(join(root, name)).mtimeMs)) found.push(name);
    } catch {
      // taken over or removed in between
    }
  }
  return found.sort();
}

/** Bytes of events in the spool folders under `root`, those excepted; what is acknowledged in them counts too. Never throws. */
export function bytesOfOthers(root: string, except: ReadonlySet<string>): number {
  let sum = 0;
  let looked = 0;
  for (const name of namesIn(root)) {
    if (parseFolderName(name) === undefined || except.has(join(root, name)) || ++looked > MOST) continue;
    for (const file of namesIn(join(root, name))) {
      if (file.endsWith('.seg')) sum += sizeOf(join(root, name, file));
    }
  }
  return sum;
}

/** Bytes of a file, 0 where there is none. */
export function sizeOf(path: string): number {
  try {
    return fs.statSync(path).size;
  } catch {
    return 0;
  }
}

/** Names in a folder, none where it cannot be read. */
export function namesIn(path: string): string[] {
  try {
    return fs.readdirSync(path);
  } catch {
    return [];
  }
}
