import fs from 'node:fs';
import { basename, join } from 'node:path';
import type { Batch, BatchLimits, BatchSource } from '../types.ts';
import { newFolderName, ownFolders, releasedName } from './identity.ts';
import { EVENT, encodeLine, HEADER } from './line.ts';
import { syncDirectory } from './place.ts';
import { Segment } from './segment.ts';
import type { Sent } from './sent.ts';

/** A segment is closed at this size unless told otherwise, and sooner when everything in it is acknowledged. */
export const ROTATE_BYTES = 8 * 1024 * 1024;
const ROTATE_DRAINED_BYTES = 1024 * 1024;
const SEGMENT = /^\d+\.seg$/;

export interface FolderListener {
  /** A file that held unreadable lines was set aside. */
  damaged(path: string): void;
  /** Events of this process that were on disk and can no longer be read: somebody removed or overwrote the file. */
  lost(events: number): void;
  /** A file or folder cannot be read now; it stays where it is. */
  unreadable(path: string, error: unknown): void;
  /** Bytes could not be forced to the disk. */
  notSynced(error: unknown): void;
}

export interface FolderOptions {
  readonly listener: FolderListener;
  /** Where acknowledged segments go; without it they are removed. */
  readonly sent?: Sent | undefined;
  /** `always`: each event is forced to the disk before `append` returns. With it and `interval` new files are made durable in their folder. */
  readonly fsync?: 'never' | 'interval' | 'always';
  readonly rotateBytes?: number;
}

/**
 * The segments of one writer, oldest first: a folder of this thread, or one taken over from a dead process. Whoever renames a dead
 * process's folder to a name of its own has it; a second one's rename fails.
 */
export class Folder implements BatchSource {
  path: string;
  private readonly root: string;
  private readonly options: FolderOptions;
  private readonly listener: FolderListener;
  private readonly segments: Segment[] = [];
  private nextNumber = 1;
  private headerWritten: string | undefined;
  /** Size of the active segment before the last event. */
  private undoSize = 0;

  private constructor(root: string, name: string, options: FolderOptions) {
    this.root = root;
    this.path = join(root, name);
    this.options = options;
    this.listener = options.listener;
  }

  /** A new, empty folder for this thread. Throws when the disk refuses. */
  static create(root: string, options: FolderOptions): Folder {
    const folder = new Folder(root, newFolderName(), options);
    fs.mkdirSync(folder.path, { mode: 0o700 });
    ownFolders().add(basename(folder.path));
    folder.syncDirectory(root);
    return folder;
  }

  /** The folder of a dead process, now ours; undefined when a neighbour was quicker. */
  static adopt(root: string, name: string, options: FolderOptions): Folder | undefined {
    const folder = new Folder(root, newFolderName(), options);
    try {
      fs.renameSync(join(root, name), folder.path);
    } catch {
      return undefined;
    }
    ownFolders().add(basename(folder.path));
    folder.touch();
    folder.load();
    return folder;
  }

  /** A folder as it lies, whoever owns it: the caller knows that the owner has stopped writing. */
  static openAt(root: string, name: string, options: FolderOptions): Folder {
    const folder = new Folder(root, name, options);
    folder.load();
    return folder;
  }

  /** Appends one event with its resource and scope. Throws when the disk refuses; then nothing of it will be read. */
  append(payload: string, header: string): void {
    const active = this.activeSegment();
    this.undoSize = active.size;
    try {
      if (header !== this.headerWritten) {
        active.append(encodeLine(HEADER, header));
        this.headerWritten = header;
      }
      active.append(encodeLine(EVENT, payload));
      if (this.options.fsync === 'always') active.sync();
      active.events++;
    } catch (error) {
      this.headerWritten = undefined;
      if (!active.rollBack(this.undoSize)) this.retire(active);
      if (active.size === 0) this.drop(active);
      throw error;
    }
  }

  /** The last event will be written elsewhere: it is not read from here, unless somebody else has this folder. */
  disownLast(): void {
    const active = this.segments.at(-1);
    if (active === undefined) return;
    active.size = this.undoSize;
    active.events--;
  }

  syncLater(): void {
    this.segments.at(-1)?.syncLater((error) => this.listener.notSynced(error));
  }

  /** Bytes that wait here. */
  get bytes(): number {
    let sum = 0;
    for (const segment of this.segments) sum += segment.size - segment.acked;
    return sum;
  }

  next(limits: BatchLimits): Batch | undefined {
    for (let i = 0; i < this.segments.length; ) {
      const segment = this.segments[i]!;
      let batch: Batch | undefined;
      try {
        batch = segment.trouble ? undefined : segment.next(limits);
      } catch (error) {
        // Gone from disk: whoever took the folder over while we seemed dead has it.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.drop(segment);
        else {
          segment.trouble = true;
          this.listener.unreadable(segment.path, error);
        }
        continue;
      }
      if (batch !== undefined) {
        const found = batch;
        return { ...found, commit: () => this.commit(segment, found) };
      }
      if (segment.trouble) i++;
      else if (segment.active) {
        if (segment.drained) this.reportLost(segment);
        return undefined;
      } else this.drop(segment);
    }
    return undefined;
  }

  /** Files that could not be read are tried again. */
  retryUnreadable(): void {
    for (const segment of this.segments) segment.trouble = false;
  }

  /** The first event that waits here, as it was written; undefined where there is none. */
  peek(): Uint8Array | undefined {
    for (const segment of this.segments) {
      if (segment.trouble || segment.drained) continue;
      try {
        const record = segment.peek();
        if (record !== undefined) return record;
      } catch {
        // `next` says it
      }
    }
    return undefined;
  }

  /** Tells neighbours that the owner lives. False when the folder was taken over. */
  touch(): boolean {
    const now = new Date();
    try {
      fs.utimesSync(this.path, now, now);
      return true;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code !== 'ENOENT';
    }
  }

  /** No more appends; what waits can still be read through `next`. */
  seal(): void {
    for (const segment of this.segments) segment.active = false;
  }

  /** Lets go of the files; removes the folder when nothing waits in it. */
  close(): void {
    this.seal();
    ownFolders().delete(basename(this.path));
    for (const segment of [...this.segments]) {
      if (segment.drained) this.drop(segment);
      else segment.close();
    }
    if (this.segments.length === 0) this.removeIfEmpty();
  }

  /** Closes and leaves what waits for anybody to take over at once, although this process lives on. */
  release(): void {
    this.close();
    if (this.segments.length === 0) return;
    const name = this.path.slice(this.root.length + 1);
    try {
      fs.renameSync(this.path, join(this.root, releasedName(name)));
    } catch {
      // stays under our name and is taken over when this process has ended
    }
  }

  /** True when nothing waits; then the folder of an adopted process is removed. */
  removeIfEmpty(): boolean {
    if (this.segments.length > 0) return false;
    ownFolders().delete(basename(this.path));
    try {
      // Left by a process that was killed between the two removals.
      const names = fs.readdirSync(this.path);
      for (const name of names) {
        if (name.endsWith('.ack') && !names.includes(name.replace('.ack', '.seg')))
          fs.unlinkSync(join(this.path, name));
      }
      fs.rmdirSync(this.path);
    } catch {
      // gone, or something that is not ours or cannot be read lies in it
    }
    return true;
  }

  private load(): void {
    try {
      for (const name of fs.readdirSync(this.path).sort()) if (SEGMENT.test(name)) this.loadSegment(name);
    } catch (error) {
      this.listener.unreadable(this.path, error);
    }
  }

  private loadSegment(name: string): void {
    const path = join(this.path, name);
    try {
      this.segments.push(Segment.open(path));
      this.nextNumber = Number.parseInt(name, 10) + 1;
    } catch (error) {
      this.listener.unreadable(path, error);
    }
  }

  /** The segment to append to. Where a new one cannot be made, the old one goes on growing. */
  private activeSegment(): Segment {
    const active = this.segments.at(-1);
    if (active?.active && active.size < (this.options.rotateBytes ?? ROTATE_BYTES)) return active;
    let fresh: Segment;
    try {
      fresh = Segment.create(join(this.path, `${String(this.nextNumber).padStart(8, '0')}.seg`));
    } catch (error) {
      if (active?.active && (error as NodeJS.ErrnoException).code !== 'ENOENT') return active;
      throw error;
    }
    if (active?.active) this.retire(active);
    this.nextNumber++;
    this.segments.push(fresh);
    this.headerWritten = undefined;
    this.syncDirectory(this.path);
    return fresh;
  }

  private commit(segment: Segment, batch: Batch): void {
    batch.commit();
    if (segment.drained && segment.active && segment.size >= ROTATE_DRAINED_BYTES) this.retire(segment);
    if (segment.drained && !segment.active) this.drop(segment);
  }

  private retire(segment: Segment): void {
    if (this.options.fsync === 'interval') segment.syncLater((error) => this.listener.notSynced(error));
    segment.active = false;
  }

  private drop(segment: Segment): void {
    const index = this.segments.indexOf(segment);
    if (index !== -1) this.segments.splice(index, 1);
    this.reportLost(segment);
    const kept = `${this.path}-${basename(segment.path)}.damaged`;
    if (segment.finish(this.options.sent) === 'damaged') this.listener.damaged(kept);
  }

  private syncDirectory(path: string): void {
    if (this.options.fsync === undefined || this.options.fsync === 'never') return;
    try {
      syncDirectory(path);
    } catch (error) {
      this.listener.notSynced(error);
    }
  }

  private reportLost(segment: Segment): void {
    if (segment.events > 0) this.listener.lost(segment.events);
    segment.events = 0;
  }
}
