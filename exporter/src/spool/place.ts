import fs from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';

/**
 * Where the spool lies when `CLIENT_COST_SPOOL_DIR` is not set: the user's state directory, else a private folder under the temporary
 * directory. One sub-folder per service, so that a service replays its own events to its own destination; a service without a
 * name is told apart by its working directory.
 */
export function defaultSpoolRoots(serviceName: string | undefined, env: NodeJS.ProcessEnv): string[] {
  const named = serviceName !== undefined && serviceName !== '' && !serviceName.startsWith('unknown_service');
  const slug = (named ? serviceName : 'unnamed').replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 64);
  const key = named ? serviceName : safely(() => process.cwd(), '');
  const folder = `${slug}-${crc32(key).toString(16).padStart(8, '0')}`;
  const roots: string[] = [];
  const state = env.XDG_STATE_HOME || (process.platform === 'win32' ? env.LOCALAPPDATA : undefined);
  const home = env.HOME || safely(homedir, '');
  if (state?.startsWith('/') || (state && process.platform === 'win32'))
    roots.push(join(state, 'client-cost', 'spool', folder));
  else if (home !== '' && home !== '/') roots.push(join(home, '.local', 'state', 'client-cost', 'spool', folder));
  const uid = process.getuid?.() ?? 'user';
  roots.push(join(tmpdir(), `client-cost-${uid}`, 'spool', folder));
  return roots;
}

/**
 * Makes the folder (0700) and proves that a file can be written in it. Throws with the system's message when not, and when it
 * belongs to somebody else, who could then read or forge events.
 * @param durable a folder that was made survives a power cut
 */
export function openSpoolRoot(root: string, durable = false): void {
  makeFolder(root, durable);
  const uid = process.getuid?.();
  const { uid: owner } = fs.statSync(root);
  if (uid !== undefined && uid !== 0 && owner !== uid)
    throw new Error(`${root} belongs to user ${owner}, not to ${uid}`);
  fs.accessSync(root, fs.constants.W_OK | fs.constants.X_OK);
}

/** Not `recursive: true`: Node's own loops for ever where a parent exists but says ENOENT, as /proc does. */
function makeFolder(path: string, durable: boolean): void {
  try {
    fs.mkdirSync(path, { mode: 0o700 });
    if (durable) syncDirectory(dirname(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && fs.statSync(path).isDirectory()) return;
    const parent = dirname(path);
    if (code !== 'ENOENT' || parent === path) throw error;
    makeFolder(parent, durable);
    // A neighbour may be quicker.
    if (fs.existsSync(path)) return;
    fs.mkdirSync(path, { mode: 0o700 });
    if (durable) syncDirectory(parent);
  }
}

/**
 * A new name is only durable when its folder is: an fsync of a file alone can leave a file that nobody finds after a power cut. Throws when
 * the disk refuses.
 */
export function syncDirectory(path: string): void {
  if (process.platform === 'win32') return;
  const fd = fs.openSync(path, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function safely(read: () => string, fallback: string): string {
  try {
    return read();
  } catch {
    return fallback;
  }
}
