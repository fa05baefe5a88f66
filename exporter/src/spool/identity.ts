import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { threadId } from 'node:worker_threads';
import { crc32 } from 'node:zlib';

/**
 * Who owns a spool folder, spelt in the folder's name, so that a neighbour can tell without opening anything whether the owner
 * still lives. `scope` is the machine as far as process ids mean something: host name, boot and pid namespace.
 */
export interface Owner {
  readonly host: string;
  readonly scope: string;
  readonly pid: number;
  /** Start time of the process in clock ticks since boot (Linux), 0 where unknown: tells a reused pid apart. */
  readonly ticks: string;
  readonly thread: number;
}

/** An owner whose folder was not touched for this long is taken for dead when its pid cannot be asked. */
export const STALE_MS = 60_000;
export const HEARTBEAT_MS = 10_000;

const NAME = /^w-([0-9a-f]{8})-([0-9a-f]{8})-(\d+)-(\d+)-(\d+)-[0-9a-f]{8}$/;
const RELEASED = 'r-';

function readOr(fallback: string, read: () => string): string {
  try {
    return read();
  } catch {
    return fallback;
  }
}

/** Fields 3 and 22 of /proc/<pid>/stat; the command in field 2 may hold spaces and parentheses. */
function processState(pid: number | 'self'): { state: string; ticks: string } | undefined {
  const stat = readOr('', () => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields[19];
  return ticks !== undefined && /^\d+$/.test(ticks) ? { state: fields[0]!, ticks } : undefined;
}

/** Ended, only not yet asked for by its parent: zombie, dead. */
const ENDED = /^[ZXx]/;

const hash = (value: string) => crc32(value).toString(16).padStart(8, '0');

let self: Owner | undefined;

/** This thread of this process. */
export function currentOwner(): Owner {
  if (self === undefined) {
    const boot = readOr('', () => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim());
    const namespace = readOr('', () => readlinkSync('/proc/self/ns/pid'));
    const host = hash(hostname());
    self = {
      host,
      scope: hash(`${boot} ${namespace}`),
      pid: process.pid,
      ticks: processState('self')?.ticks ?? '0',
      thread: threadId,
    };
  }
  return self;
}

/** A new folder name for this thread. */
export function newFolderName(): string {
  const { host, scope, pid, ticks, thread } = currentOwner();
  // Tells apart folders of one thread only; node:crypto would take 5 ms to load.
  const random = Math.floor(Math.random() * 2 ** 32);
  return `w-${host}-${scope}-${pid}-${ticks}-${thread}-${random.toString(16).padStart(8, '0')}`;
}

const OWN = Symbol.for('@client-cost/exporter/own-folders/1');

/**
 * Names of the folders that this thread of this very process has open, for every copy of this package that it loaded. Pid, start time and thread do
 * not tell it from a dead one everywhere: each container has a process 1, and /proc cannot always be read.
 */
export function ownFolders(): Set<string> {
  const shared = globalThis as { [OWN]?: Set<string> };
  shared[OWN] ??= new Set();
  return shared[OWN];
}

/** The name under which anybody may take the folder over at once. */
export const releasedName = (name: string): string => RELEASED + name;

/** The owner in a folder's name; 'released' when anybody may take it; undefined when it is no spool folder. */
export function parseFolderName(name: string): Owner | 'released' | undefined {
  if (name.startsWith(`${RELEASED}w-`)) return 'released';
  const match = NAME.exec(name);
  if (match === null) return undefined;
  const [, host, scope, pid, ticks, thread] = match as unknown as [string, string, string, string, string, string];
  return { host, scope, pid: Number(pid), ticks, thread: Number(thread) };
}

/**
 * Whether the owner still lives. Taking a living owner's folder is harmless (it keeps its file descriptor and sends on, see Spool),
 * it only costs duplicates; so an owner that cannot be asked is judged by its heartbeat.
 * @param heartbeatMs age of the folder's modification time, milliseconds
 * @param own the folder is one of `ownFolders`
 */
export function isAlive(owner: Owner, heartbeatMs: number, own = false): boolean {
  if (own) return true;
  const me = currentOwner();
  const fresh = heartbeatMs < STALE_MS;
  if (owner.host !== me.host || owner.scope !== me.scope) return fresh;
  // Another thread, or a dead process that had the same pid: of its folders none is open here.
  if (owner.pid === me.pid && (owner.ticks === me.ticks || owner.ticks === '0' || me.ticks === '0')) return fresh;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const found = processState(owner.pid);
  if (found !== undefined && ENDED.test(found.state)) return false;
  if (found !== undefined && owner.ticks !== '0') return found.ticks === owner.ticks;
  return owner.ticks === '0' ? fresh : true;
}
