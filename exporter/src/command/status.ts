import fs from 'node:fs';
import { join } from 'node:path';
import { REJECTED } from '../aside.ts';
import { recordedAt } from '../record.ts';
import { readAcked } from '../spool/ack.ts';
import { isAlive, parseFolderName } from '../spool/identity.ts';
import { decodeLine, EVENT } from '../spool/line.ts';
import { namesIn, sizeOf } from '../spool/root.ts';
import { ackPathOf, Sent } from '../spool/sent.ts';

export interface FolderStatus {
  readonly name: string;
  /** `left`: given up by its process, anybody may send it. */
  readonly owner: 'alive' | 'dead' | 'left';
  readonly pid?: number;
  readonly events: number;
  readonly bytes: number;
  /** When the oldest waiting event was recorded, ISO 8601 UTC. */
  readonly oldest?: string;
  /** Files that cannot be read. */
  readonly unreadable: number;
}

export interface SpoolStatus {
  readonly dir: string;
  readonly folders: readonly FolderStatus[];
  readonly sent: { readonly files: number; readonly bytes: number; readonly since?: string };
  readonly rejected: { readonly events: number; readonly bytes: number };
  readonly damaged: { readonly files: number; readonly bytes: number };
}

/** What lies in a spool folder. Reads only. */
export function spoolStatus(root: string, now = Date.now()): SpoolStatus {
  fs.accessSync(root, fs.constants.R_OK);
  const names = namesIn(root);
  const sent = new Sent(root, { keepMs: 0, keepBytes: 0 }).files();
  const damaged = names.filter((name) => name.endsWith('.damaged'));
  const rejected = names.filter((name) => name === REJECTED || name.endsWith('.retrying'));
  const bytesOf = (list: readonly string[]) => list.reduce((sum, name) => sum + sizeOf(join(root, name)), 0);
  return {
    dir: root,
    folders: names.flatMap((name) => folderStatus(root, name, now) ?? []),
    sent: {
      files: sent.length,
      bytes: sent.reduce((sum, { bytes }) => sum + bytes, 0),
      ...(sent[0] === undefined ? {} : { since: new Date(sent[0].at).toISOString() }),
    },
    rejected: {
      events: rejected.reduce((sum, name) => sum + lines(join(root, name)), 0),
      bytes: bytesOf(rejected),
    },
    damaged: { files: damaged.length, bytes: bytesOf(damaged) },
  };
}

function folderStatus(root: string, name: string, now: number): FolderStatus | undefined {
  const owner = parseFolderName(name);
  if (owner === undefined) return undefined;
  let waiting = { events: 0, bytes: 0, oldest: Number.POSITIVE_INFINITY };
  let unreadable = 0;
  for (const file of namesIn(join(root, name)).filter((found) => found.endsWith('.seg'))) {
    const path = join(root, name, file);
    try {
      const found = waitingIn(path);
      waiting = {
        events: waiting.events + found.events,
        bytes: waiting.bytes + found.bytes,
        oldest: Math.min(waiting.oldest, found.oldest),
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') unreadable++;
    }
  }
  const { events, bytes, oldest } = waiting;
  const heartbeat = () => now - fs.statSync(join(root, name)).mtimeMs;
  try {
    return {
      name,
      owner: owner === 'released' ? 'left' : isAlive(owner, heartbeat()) ? 'alive' : 'dead',
      ...(owner === 'released' ? {} : { pid: owner.pid }),
      events,
      bytes,
      ...(Number.isFinite(oldest) ? { oldest: new Date(oldest).toISOString() } : {}),
      unreadable,
    };
  } catch {
    return undefined;
  }
}

function waitingIn(path: string): { events: number; bytes: number; oldest: number } {
  const bytes = fs.readFileSync(path).subarray(readAcked(ackPathOf(path), path));
  let events = 0;
  let oldest = Number.POSITIVE_INFINITY;
  for (let line = decodeLine(bytes, 0); line !== undefined; line = decodeLine(bytes, line.end)) {
    if (line.kind !== EVENT) continue;
    events++;
    oldest = Math.min(oldest, recordedAt(line.payload) ?? Number.POSITIVE_INFINITY);
  }
  return { events, bytes: bytes.length, oldest };
}

function lines(path: string): number {
  try {
    return fs.readFileSync(path).reduce((sum, byte) => (byte === 0x0a ? sum + 1 : sum), 0);
  } catch {
    return 0;
  }
}

const mib = (bytes: number) =>
  bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
const number = (value: number, what: string) => `${value} ${what}${value === 1 ? '' : 's'}`;

/** For people. */
export function describe(status: SpoolStatus): string {
  const { dir, folders, sent, rejected, damaged } = status;
  const out = [dir];
  const waiting = folders.filter(({ events, bytes, unreadable }) => events + bytes + unreadable > 0);
  const events = waiting.reduce((sum, folder) => sum + folder.events, 0);
  const bytes = waiting.reduce((sum, folder) => sum + folder.bytes, 0);
  out.push(`  waiting   ${number(events, 'event')}, ${mib(bytes)}`);
  for (const folder of folders) {
    const who = folder.owner === 'left' ? 'left by its process' : `process ${folder.pid} ${folder.owner}`;
    const since = folder.oldest === undefined ? '' : `, oldest ${folder.oldest}`;
    const trouble = folder.unreadable === 0 ? '' : `, ${number(folder.unreadable, 'file')} CANNOT BE READ`;
    out.push(
      `            ${who}: ${number(folder.events, 'event')}, ${mib(folder.bytes)}${since}${trouble}  ${folder.name}`,
    );
  }
  const from = sent.since === undefined ? '' : ` since ${sent.since}`;
  out.push(`  sent      ${mib(sent.bytes)} kept${from}`);
  out.push(`  rejected  ${number(rejected.events, 'event')}, ${mib(rejected.bytes)}`);
  out.push(`  damaged   ${number(damaged.files, 'file')}, ${mib(damaged.bytes)}`);
  return out.join('\n');
}
