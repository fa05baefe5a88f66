import { basename } from 'node:path';
import { log, messageOf, type OnceLog } from '../log.ts';
import { safely } from '../safely.ts';
import type { Batch, BatchLimits, BatchSource } from '../types.ts';
import { Disk, type DiskOptions } from './disk.ts';
import { Folder } from './folder.ts';
import type { HandOver } from './hand-over.ts';
import { MemoryQueue } from './memory.ts';
import { orphans, pruneDamaged } from './root.ts';

const SCAN_MS = 30_000;
/** Folders of dead processes taken over at once. */
const MOST_ORPHANS = 100;
/** How long events may be moved from memory to disk without a pause: the service has other things to do. */
const SLICE_MS = 5;
const PAUSE_MS = 20;
const DAMAGED_MAX_BYTES = 64 * 1024 * 1024;

export interface SpoolOptions extends DiskOptions {
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
  private readonly options: SpoolOptions;
  private readonly once: OnceLog;
  private readonly disk: Disk;
  private readonly memory: MemoryQueue;
  private readonly adopted: Folder[] = [];
  private header: string;
  private scannedAt = Number.NEGATIVE_INFINITY;
  private mover: NodeJS.Timeout | undefined;
  private rescuer: NodeJS.Timeout | undefined;
  /** Where the batch is from that is being sent. */
  private inFlight: BatchSource | undefined;
  /** Folders left to another process, which this one may outlive. */
  private handedOver: Folder[] = [];
  /** Lost since memory was full. */
  private refused = 0;
  private preferAdopted = false;

  constructor(options: SpoolOptions, once: OnceLog) {
    this.options = options;
    this.once = once;
    this.header = options.header;
    this.memory = options.memory ?? new MemoryQueue();
    const held = () => this.adopted;
    this.disk = new Disk(options, once, held, () => this.rescueLater());
  }

  /** Own events that can no longer be read from disk. */
  get lost(): number {
    return this.disk.lost;
  }

  /** The folder in use; undefined before the first event and while the disk refuses. */
  get folder(): string | undefined {
    return this.disk.root;
  }

  /** What waits on disk here, dead processes' events included, bytes. */
  get bytes(): number {
    let sum = 0;
    for (const folder of this.folders()) sum += folder.bytes;
    return sum;
  }

  /** Events that wait in memory because the disk refuses them. */
  get inMemory(): number {
    return this.memory.length;
  }

  /** The oldest event that waits, as it was written. */
  oldest(): Uint8Array[] {
    const found = this.folders().map((folder) => folder.peek());
    const memory = this.memory.all()[0]?.record;
    return [...found, memory === undefined ? undefined : Buffer.from(memory)].filter((record) => record !== undefined);
  }

  setHeader(header: string): void {
    this.header = header;
  }

  /** Takes one record. False when neither disk nor memory can: the event is lost. */
  append(record: string): boolean {
    if (this.disk.write(record, this.header)) return true;
    if (this.memory.push(this.header, record)) return true;
    this.refused++;
    this.once.say(
      'error',
      'memory-full',
      `usage events are being LOST: the spool cannot take them and ${this.memory.length} wait in memory. Free the disk or bring the destination back.`,
    );
    return false;
  }

  /** The next batch, own and taken-over events in turn. */
  next(limits: BatchLimits): SpooledBatch | undefined {
    // Nothing is being sent now: what memory handed out before may go to disk as well.
    this.memory.takeBack();
    this.memoryToDisk();
    this.inFlight = undefined;
    this.rescue();
    const turns = this.preferAdopted ? [true, false] : [false, true];
    for (const adopted of turns) {
      const sources: BatchSource[] = adopted ? this.adopted : [...this.ownFolders(), this.memory];
      for (const source of sources) {
        const batch = this.read(source, limits);
        if (batch === undefined) continue;
        this.preferAdopted = !adopted;
        this.inFlight = source;
        return { batch: this.watched(batch), own: !adopted };
      }
    }
    this.dropEmpty();
    return undefined;
  }

  /** The batch that `next` gave waits again. */
  putBack(): void {
    this.inFlight = undefined;
    this.rescueLater();
  }

  /** Takes over what dead processes left, at most every 30 s. */
  adoptOrphans(now = performance.now()): void {
    if (now - this.scannedAt < SCAN_MS || !this.disk.ready()) return;
    this.scannedAt = now;
    const { root, sent } = this.disk;
    try {
      const names = orphans(root!);
      for (const name of names.slice(0, MOST_ORPHANS)) {
        const folder = Folder.adopt(root!, name, this.disk.folderOptions());
        if (folder !== undefined && !folder.removeIfEmpty()) this.adopted.push(folder);
      }
      // The others at the next opportunity.
      if (names.length > MOST_ORPHANS) this.scannedAt = Number.NEGATIVE_INFINITY;
      sent?.prune();
      for (const name of pruneDamaged(root!, DAMAGED_MAX_BYTES))
        log('warn', `${name} was removed from ${root}: damaged spool files are kept up to ${DAMAGED_MAX_BYTES} bytes`);
    } catch (error) {
      this.once.say('warn', 'adopt', `cannot take over events of earlier processes in ${root}: ${messageOf(error)}`);
    }
  }

  /** Heartbeat; memory back to disk. Called every 10 s while the process lives. */
  maintain(): void {
    this.disk.touch();
    for (const folder of this.adopted) folder.touch();
    for (const folder of this.folders()) folder.retryUnreadable();
    this.syncLater();
    this.memoryToDisk();
    this.rescue();
  }

  /** With `interval`, forces what was appended since to disk without waiting for it: before each sending and at every heartbeat. */
  syncLater(): void {
    if (this.options.fsync === 'interval') this.disk.own?.syncLater();
  }

  /** True when something of dead processes waits here. */
  get hasAdopted(): boolean {
    return this.adopted.length > 0;
  }

  /** Stops using the files and tells what is left. A later `append` starts a new folder. */
  handOver(): HandOver {
    this.allToDisk();
    const folders: string[] = [];
    for (const folder of this.folders()) {
      folder.close();
      if (folder.removeIfEmpty()) continue;
      folders.push(basename(folder.path));
      this.handedOver.push(folder);
    }
    const memory = [...this.memory.all()];
    this.forget();
    return { root: this.disk.root, folders, memory };
  }

  /** The process goes on after `handOver`: what is still there is taken over like a dead process's. */
  resume(): void {
    for (const folder of this.handedOver.splice(0)) folder.release();
    this.scannedAt = Number.NEGATIVE_INFINITY;
  }

  /** What waits on disk is left for any process to take over at once. */
  release(): void {
    this.allToDisk();
    for (const folder of this.folders()) folder.release();
    this.forget();
  }

  private forget(): void {
    this.inFlight = undefined;
    this.disk.forget();
    this.adopted.length = 0;
  }

  private ownFolders(): Folder[] {
    const { own, abandoned } = this.disk;
    return own === undefined ? [...abandoned] : [...abandoned, own];
  }

  private folders(): Folder[] {
    return [...this.ownFolders(), ...this.adopted];
  }

  private read(source: BatchSource, limits: BatchLimits): Batch | undefined {
    try {
      return source.next(limits);
    } catch (error) {
      this.once.say(
        'error',
        'read',
        `cannot read the spool ${this.disk.root}: ${messageOf(error)}; its events stay there`,
      );
      return undefined;
    }
  }

  private watched(batch: Batch): Batch {
    const commit = () => {
      batch.commit();
      this.putBack();
    };
    return { ...batch, commit };
  }

  /** Soon, whatever the sender waits for: killed before that, the process takes what only its open files hold with it. */
  private rescueLater(): void {
    if (this.disk.abandoned.length === 0 || this.rescuer !== undefined) return;
    const rescue = safely(() => this.rescue());
    this.rescuer = setTimeout(rescue, PAUSE_MS).unref();
  }

  private rescue(): void {
    clearTimeout(this.rescuer);
    this.rescuer = undefined;
    if (!this.disk.rescue(SLICE_MS, this.inFlight)) this.rescueLater();
  }

  /** Moves what waits in memory to disk, a slice at a time. */
  private memoryToDisk(sliceMs = SLICE_MS): void {
    if (this.memory.waiting === 0) return;
    const until = performance.now() + sliceMs;
    for (let entry = this.memory.peek(); entry !== undefined; entry = this.memory.peek()) {
      if (!this.disk.write(entry.record, entry.header)) return;
      this.memory.takeOldest();
      if (performance.now() < until) continue;
      clearTimeout(this.mover);
      const move = safely(() => this.memoryToDisk());
      this.mover = setTimeout(move, PAUSE_MS).unref();
      return;
    }
    this.once.clear('spool-full');
    if (this.once.clear('memory-full'))
      log('error', `the spool takes usage events again; ${this.refused} were lost meanwhile`);
    this.refused = 0;
  }

  /** The process ends: what the disk still refuses is only in memory. */
  private allToDisk(): void {
    this.memory.takeBack();
    this.memoryToDisk(Number.POSITIVE_INFINITY);
    this.disk.rescue(Number.POSITIVE_INFINITY);
    clearTimeout(this.mover);
    clearTimeout(this.rescuer);
    this.rescuer = undefined;
    if (this.memory.length === 0) return;
    log(
      'error',
      `${this.memory.length} usage events wait in memory only, because the disk refuses them: what cannot be delivered before this process ends is lost`,
    );
  }

  private dropEmpty(): void {
    for (const list of [this.adopted, this.disk.abandoned]) {
      for (let i = list.length - 1; i >= 0; i--) if (list[i]!.removeIfEmpty()) list.splice(i, 1);
    }
  }
}
