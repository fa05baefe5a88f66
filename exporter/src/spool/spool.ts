import { log, messageOf, type OnceLog } from '../log.ts';
import type { Batch, BatchLimits, BatchSource } from '../types.ts';
import { Folder, type FolderListener } from './folder.ts';
import type { HandOver } from './hand-over.ts';
import { MemoryQueue } from './memory.ts';
import { openSpoolRoot } from './place.ts';

const RETRY_DISK_MS = 10_000;
const SCAN_MS = 30_000;

export type Fsync = 'never' | 'interval' | 'always';

export interface SpoolOptions {
  /** Folders to try, the first usable one is taken. */
  readonly roots: readonly string[];
  /** Bytes on disk that may wait in this process. */
  readonly maxBytes: number;
  readonly fsync: Fsync;
  readonly header: string;
  readonly memory?: MemoryQueue;
}

export interface SpooledBatch {
  readonly batch: Batch;
  /** Emitted by this process, not taken over from a dead one. */
  readonly own: boolean;
}

/**
 * Every event of this process from `append` until its acknowledgement, and those of dead processes that it took over. On disk as long as
 * the disk takes them; in memory while it does not.
 */
export class Spool {
  /** Own events that can no longer be read from disk. */
  lost = 0;
  private readonly options: SpoolOptions;
  private readonly once: OnceLog;
  private readonly memory: MemoryQueue;
  private readonly adopted: Folder[] = [];
  /** Own folders that were taken over while this process seemed dead: read on through their open files. */
  private readonly stolen: Folder[] = [];
  private own: Folder | undefined;
  private root: string | undefined;
  private header: string;
  private diskRetryAt = 0;
  private scannedAt = Number.NEGATIVE_INFINITY;
  private preferAdopted = false;
  private readonly listener: FolderListener = {
    damaged: (path) =>
      log('warn', `damaged lines in a spool file; the readable events were sent and the file is kept: ${path}.damaged`),
    lost: (events) => {
      this.lost += events;
      log('error', `${events} usage events were removed from the spool ${this.root} by somebody else and are lost`);
    },
  };

  constructor(options: SpoolOptions, once: OnceLog) {
    this.options = options;
    this.once = once;
    this.header = options.header;
    this.memory = options.memory ?? new MemoryQueue();
  }

  /** The folder in use; undefined before the first event and while the disk refuses. */
  get folder(): string | undefined {
    return this.root;
  }

  setHeader(header: string): void {
    this.header = header;
  }

  /** Takes one record. False when neither disk nor memory can: the event is lost. */
  append(record: string): boolean {
    // What waits in memory goes to disk first (see maintain), so that order is kept.
    if (this.memory.waiting === 0 && this.toDisk(record, this.header)) return true;
    if (this.memory.push(this.header, record)) return true;
    this.once.say(
      'error',
      'memory-full',
      `usage events are being LOST: the spool cannot take them and ${this.memory.length} wait in memory. Free the disk or bring the destination back.`,
    );
    return false;
  }

  /** The next batch, own and taken-over events in turn. */
  next(limits: BatchLimits): SpooledBatch | undefined {
    const turns = this.preferAdopted ? [true, false] : [false, true];
    for (const adopted of turns) {
      const sources: BatchSource[] = adopted
        ? this.adopted
        : [...this.stolen, ...(this.own ? [this.own] : []), this.memory];
      for (const source of sources) {
        const batch = this.read(source, limits);
        if (batch === undefined) continue;
        this.preferAdopted = !adopted;
        return { batch, own: !adopted };
      }
    }
    this.dropEmpty();
    return undefined;
  }

  /** Takes over what dead processes left, at most every 30 s. */
  adoptOrphans(now = Date.now()): void {
    if (now - this.scannedAt < SCAN_MS || !this.ready()) return;
    this.scannedAt = now;
    try {
      for (const name of Folder.orphans(this.root!)) {
        const folder = Folder.adopt(this.root!, name, this.listener);
        if (folder !== undefined && !folder.removeIfEmpty()) this.adopted.push(folder);
      }
    } catch (error) {
      this.once.say(
        'warn',
        'adopt',
        `cannot take over events of earlier processes in ${this.root}: ${messageOf(error)}`,
      );
    }
  }

  /** Heartbeat; memory back to disk. Called every 10 s while the process lives. */
  maintain(): void {
    if (this.own !== undefined && !this.own.touch()) this.abandonOwn();
    for (const folder of this.adopted) folder.touch();
    this.memoryToDisk();
  }

  /** Before sending: with `interval`, forces what was appended since to disk without waiting for it. */
  syncLater(): void {
    if (this.options.fsync === 'interval') this.own?.syncLater();
  }

  /** True when something of dead processes waits here. */
  get hasAdopted(): boolean {
    return this.adopted.length > 0;
  }

  /** Stops using the files and tells what is left. A later `append` starts a new folder. */
  handOver(): HandOver {
    this.memoryToDisk();
    const folders: string[] = [];
    for (const folder of this.folders()) {
      folder.close();
      if (!folder.removeIfEmpty()) folders.push(folder.path.slice(this.root!.length + 1));
    }
    const memory = [...this.memory.all()];
    this.forget();
    return { root: this.root, folders, memory };
  }

  /** What waits on disk is left for any process to take over at once. */
  release(): void {
    this.memoryToDisk();
    for (const folder of this.folders()) folder.release();
    this.forget();
  }

  private forget(): void {
    this.own = undefined;
    this.stolen.length = 0;
    this.adopted.length = 0;
  }

  private folders(): Folder[] {
    return [...this.stolen, ...(this.own ? [this.own] : []), ...this.adopted];
  }

  private read(source: BatchSource, limits: BatchLimits): Batch | undefined {
    try {
      return source.next(limits);
    } catch (error) {
      this.once.say('error', 'read', `cannot read the spool ${this.root}: ${messageOf(error)}; its events stay there`);
      return undefined;
    }
  }

  private toDisk(record: string, header: string, firstTry = true): boolean {
    if (!this.ready()) return false;
    try {
      this.own ??= Folder.create(this.root!, this.listener);
      if (this.own.bytes >= this.options.maxBytes) {
        this.once.say(
          'error',
          'spool-full',
          `the spool ${this.root} holds its limit of ${this.options.maxBytes} bytes; further usage events wait in memory. ` +
            'Bring the destination back, or raise CLIENT_COST_SPOOL_MAX_BYTES.',
        );
        return false;
      }
      this.own.append(record, header);
      if (this.options.fsync === 'always') this.own.sync();
      if (this.once.clear('disk')) log('info', `the spool ${this.root} works again`);
      return true;
    } catch (error) {
      if (firstTry && (error as NodeJS.ErrnoException).code === 'ENOENT') {
        // The folder was removed or taken over between two events.
        this.abandonOwn();
        if (this.remade()) return this.toDisk(record, header, false);
      }
      this.diskFailed(error);
      return false;
    }
  }

  /** Somebody else has our folder: what is in it is read on through its open files. */
  private abandonOwn(): void {
    if (this.own === undefined) return;
    this.own.seal();
    this.stolen.push(this.own);
    this.own = undefined;
  }

  private remade(): boolean {
    try {
      openSpoolRoot(this.root!);
      return true;
    } catch {
      return false;
    }
  }

  /** Whether there is a folder to write to; tries again every 10 s when there was none. */
  private ready(): boolean {
    if (Date.now() < this.diskRetryAt) return false;
    if (this.root !== undefined) return true;
    let failure: unknown;
    for (const root of this.options.roots) {
      try {
        openSpoolRoot(root);
        this.root = root;
        return true;
      } catch (error) {
        failure = error;
      }
    }
    this.diskFailed(failure);
    return false;
  }

  private diskFailed(error: unknown): void {
    this.diskRetryAt = Date.now() + RETRY_DISK_MS;
    this.once.say(
      'error',
      'disk',
      `cannot write the spool in ${this.root ?? this.options.roots.join(' or ')}: ${messageOf(error)}. Usage events wait in memory ` +
        'until it works again, and a crash would lose them: set CLIENT_COST_SPOOL_DIR to a writable directory with free space.',
    );
  }

  private memoryToDisk(): void {
    for (let entry = this.memory.peek(); entry !== undefined; entry = this.memory.peek()) {
      if (!this.toDisk(entry.record, entry.header)) return;
      this.memory.takeOldest();
    }
    this.once.clear('spool-full');
    this.once.clear('memory-full');
  }

  private dropEmpty(): void {
    for (const list of [this.adopted, this.stolen]) {
      for (let i = list.length - 1; i >= 0; i--) if (list[i]!.removeIfEmpty()) list.splice(i, 1);
    }
  }
}
