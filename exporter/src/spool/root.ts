import fs from 'node:fs';
import { join } from 'node:path';
import { isAlive, ownFolders, parseFolderName } from './identity.ts';

/** Folders looked into at once: a service that died a thousand times must not make its next start slow. */
const MOST = 1_000;

/** Names of spool folders under `root` whose owner is gone. Throws when the root cannot be read. */
export function orphans(root: string, now = Date.now()): string[] {
  const found: string[] = [];
  for (const name of fs.readdirSync(root)) {
    const owner = parseFolderName(name);
    if (owner === undefined) continue;
    try {
      if (owner !== 'released') {
        const heartbeatMs = now - fs.statSync(join(root, name)).mtimeMs;
        if (isAlive(owner, heartbeatMs, ownFolders().has(name))) continue;
      }
      found.push(name);
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

/** Removes the oldest of the damaged files while they are more than `maxBytes` together; their names. Never throws. */
export function pruneDamaged(root: string, maxBytes: number): string[] {
  const removed: string[] = [];
  const files = namesIn(root)
    .filter((name) => name.endsWith('.damaged'))
    .map((name) => ({ name, ...statOf(join(root, name)) }))
    .sort((a, b) => b.changedAt - a.changedAt);
  let sum = 0;
  for (const { name, bytes } of files) {
    sum += bytes;
    if (sum <= maxBytes) continue;
    try {
      fs.unlinkSync(join(root, name));
      removed.push(name);
    } catch {
      // a neighbour was quicker, or the disk is read-only
    }
  }
  return removed;
}

function statOf(path: string): { bytes: number; changedAt: number } {
  try {
    const { size, ctimeMs } = fs.statSync(path);
    return { bytes: size, changedAt: ctimeMs };
  } catch {
    return { bytes: 0, changedAt: 0 };
  }
}

/** Bytes of a file, 0 where there is none. */
export function sizeOf(path: string): number {
  return statOf(path).bytes;
}

/** Names in a folder, none where it cannot be read. */
export function namesIn(path: string): string[] {
  try {
    return fs.readdirSync(path);
  } catch {
    return [];
  }
}
