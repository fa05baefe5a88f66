import { log, messageOf, type OnceLog } from '../log.ts';
import type { BatchSource } from '../types.ts';
import { Folder, type FolderOptions, ROTATE_BYTES } from './folder.ts';
import { openSpoolRoot } from './place.ts';
import { bytesOfOthers } from './root.ts';
import { Sent } from './sent.ts';

/** A disk that refused is tried again after this long, and each time after twice as long. */
const RETRY_DISK_MS = 250;
const MAX_RETRY_DISK_MS = 10_000;
const MEASURE_MS = 30_000;
/** While events come, how often it is checked that the folder they go to is still there and ours. */
const TOUCH_MS = 1_000;
const RESCUED = { maxEvents: 100, maxBytes: 256 * 1024 };

export type Fsync = 'never' | 'interval' | 'always';

export interface DiskOptions {
  /** Folders to try, the first usable one is taken. */
  readonly roots: readonly string[];
  /** Bytes that may wait in the folder, all processes that use it together. */
  readonly maxBytes: number;
  /** What is kept after its acknowledgement. */
  readonly keepMs: number;
  readonly keepBytes: number;
  readonly fsync: Fsync;
}

/** Where this process writes its events: the spool's root and a folder of its own in it. Knows whether the disk takes any. */
export class Disk {
  own: Folder | undefined;
  /** Own folders that were removed or taken over while this process seemed dead: read on through their open files. */
  readonly abandoned: Folder[] = [];
  /** Own events that can no longer be read from disk. */
  lost = 0;
  root: string | undefined;
  sent: Sent | undefined;
  private readonly options: DiskOptions;
  private readonly once: OnceLog;
  /** Folders besides our own whose events this process holds. */
  private readonly alsoHeld: () => readonly Folder[];
  private readonly onAbandoned: () => void;
  /** Monotonic, as the clock may be set: 0 while the disk works. */
  private retryAt = 0;
  private retryMs = RETRY_DISK_MS;
  /** When `own` was last seen at its place; by the clock, which goes on while the machine sleeps. */
  private touchedAt = 0;
  /** The time at the last event: asking is not free. */
  private now = 0;
  /** Bytes that wait in the root besides our own folder. */
  private besides = 0;
  private measuredAt = Number.NEGATIVE_INFINITY;

  constructor(options: DiskOptions, once: OnceLog, alsoHeld: () => readonly Folder[], onAbandoned: () => void) {
    this.options = options;
    this.once = once;
    this.alsoHeld = alsoHeld;
    this.onAbandoned = onAbandoned;
  }

  /** Takes one record. False when the disk refuses or holds its limit. */
  write(record: string, header: string, firstTry = true): boolean {
    if (!this.ready()) return false;
    try {
      if (this.own === undefined) {
        this.own = Folder.create(this.root!, this.folderOptions());
        this.touchedAt = Date.now();
      }
      if (this.isFull()) return false;
      this.own.append(record, header);
      // After the write: a pause before it must not go unnoticed.
      this.now = Date.now();
      if (Math.abs(this.now - this.touchedAt) > TOUCH_MS && !this.touchOwn()) {
        // Removed, or taken over while we seemed dead: nobody may ever read this file again.
        this.own.disownLast();
        throw Object.assign(new Error('the spool folder is gone'), { code: 'ENOENT' });
      }
      this.retryAt = 0;
      this.retryMs = RETRY_DISK_MS;
      if (this.once.clear('disk')) log('info', `the spool ${this.root} works again`);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') this.abandonOwn();
      if (firstTry && code === 'ENOENT' && this.remade()) return this.write(record, header, false);
      // What is acknowledged gives its place to what is not.
      if (firstTry && (code === 'ENOSPC' || code === 'EDQUOT') && this.sent?.makeRoom())
        return this.write(record, header, false);
      this.failed(error);
      return false;
    }
  }

  /**
   * Brings the events of removed folders, which only our open files still hold, to the new one, a slice at a time.
   * @param inFlight the source that a batch is being sent of: its acknowledgement would be for events that are elsewhere by then
   * @returns false when the slice was too short
   */
  rescue(sliceMs: number, inFlight?: BatchSource): boolean {
    const until = performance.now() + sliceMs;
    for (const folder of this.abandoned) {
      if (folder === inFlight) continue;
      for (let batch = folder.next(RESCUED); batch !== undefined; batch = folder.next(RESCUED)) {
        const { header, records } = batch;
        if (!records.every((record) => this.write(Buffer.from(record).toString(), header))) return true;
        batch.commit();
        if (performance.now() > until) return false;
      }
    }
    return true;
  }

  private touchOwn(): boolean {
    this.touchedAt = Date.now();
    return this.own!.touch();
  }

  /** Whether the folder holds its limit. Other processes are looked at every 30 s, and every second while it is full. */
  private isFull(): boolean {
    const { maxBytes } = this.options;
    const full = () => this.own!.bytes + this.besides >= maxBytes;
    if (Math.abs(this.now - this.measuredAt) > MEASURE_MS) this.measure();
    if (!full()) return false;
    this.now = Date.now();
    if (Math.abs(this.now - this.measuredAt) > 1_000) this.measure();
    if (!full()) return false;
    this.once.say(
      'error',
      'spool-full',
      `the spool ${this.root} holds its limit of ${maxBytes} bytes; further usage events wait in memory. ` +
        'Bring the destination back, or raise CLIENT_COST_SPOOL_MAX_BYTES.',
    );
    return true;
  }

  private measure(): void {
    this.measuredAt = Date.now();
    const held = [...this.alsoHeld(), ...this.abandoned, this.own!];
    this.besides = bytesOfOthers(this.root!, new Set(held.map(({ path }) => path)));
    for (const folder of this.alsoHeld()) this.besides += folder.bytes;
  }

  /** Somebody else has our folder: what is in it is read on through its open files. */
  private abandonOwn(): void {
    if (this.own === undefined) return;
    this.own.seal();
    this.abandoned.push(this.own);
    this.own = undefined;
    this.onAbandoned();
  }

  private remade(): boolean {
    try {
      openSpoolRoot(this.root!, this.options.fsync !== 'never');
      return true;
    } catch {
      return false;
    }
  }

  /** Whether there is a folder to write to; tries again after a while when there was none. */
  ready(): boolean {
    if (this.retryAt !== 0 && performance.now() < this.retryAt) return false;
    if (this.root !== undefined) return true;
    let failure: unknown;
    for (const root of this.options.roots) {
      try {
        openSpoolRoot(root, this.options.fsync !== 'never');
        this.root = root;
        this.sent = new Sent(root, this.options);
        return true;
      } catch (error) {
        failure = error;
      }
    }
    this.failed(failure);
    return false;
  }

  private failed(error: unknown): void {
    this.retryAt = performance.now() + this.retryMs;
    this.retryMs = Math.min(this.retryMs * 2, MAX_RETRY_DISK_MS);
    this.once.say(
      'error',
      'disk',
      `cannot write the spool in ${this.root ?? this.options.roots.join(' or ')}: ${messageOf(error)}. Usage events wait in memory ` +
        'until it works again, and a crash would lose them: set CLIENT_COST_SPOOL_DIR to a writable directory with free space.',
    );
  }

  /** Heartbeat of the own folder. */
  touch(): void {
    if (this.own !== undefined && !this.touchOwn()) this.abandonOwn();
  }

  /** No folder is in use any more: the next event starts a new one. */
  forget(): void {
    this.own = undefined;
    this.abandoned.length = 0;
  }

  folderOptions(): FolderOptions {
    const { fsync, maxBytes } = this.options;
    return {
      sent: this.sent,
      fsync,
      // Their files stay open: not too many of them, however much may wait.
      rotateBytes: Math.max(ROTATE_BYTES, Math.floor(maxBytes / 128)),
      listener: {
        damaged: (path) =>
          log('warn', `damaged lines in a spool file; the readable events were sent, the file is kept as ${path}`),
        lost: (events) => {
          this.lost += events;
          log('error', `${events} usage events were removed from the spool ${this.root} by somebody else and are lost`);
        },
        unreadable: (path, error) =>
          this.once.say(
            'error',
            `read ${path}`,
            `cannot read ${path}: ${messageOf(error)}. It stays there and is tried again.`,
          ),
        notSynced: (error) =>
          this.once.say(
            'error',
            'fsync',
            `cannot force usage events to the disk of ${this.root}: ${messageOf(error)}; a power cut could lose them`,
          ),
      },
    };
  }
}
