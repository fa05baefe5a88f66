import fs from 'node:fs';
import { join } from 'node:path';
import type { Batch, BatchLimits, BatchSource } from '../types.ts';
import { isAlive, newFolderName, parseFolderName, releasedName } from './identity.ts';
import { EVENT, encodeLine, HEADER } from './line.ts';
import { Segment } from './segment.ts';

/** A segment is closed at this size, and sooner when everything in it is acknowledged. */
const ROTATE_BYTES = 8 * 1024 * 1024;
const ROTATE_DRAINED_BYTES = 1024 * 1024;
const SEGMENT = /^\d+\.seg$/;

export interface FolderListener {
  /** A file that held unreadable lines was set aside. */
  damaged(path: string): void;
  /** Events of this process that were on disk and can no longer be read: somebody removed or overwrote the file. */
  lost(events: number): void;
}

/**
 * The segments of one writer, oldest first: a folder of this thread, or one taken over from a dead process. Whoever renames a dead
 * process's folder to a name of its own has it; a second one's rename fails.
 */
export class Folder implements BatchSource {
  path: string;
  private readonly root: string;
  private readonly listener: FolderListener;
  private readonly segments: Segment[] = [];
  private nextNumber = 1;
  private headerWritten: string | undefined;

  private constructor(root: string, name: string, listener: FolderListener) {
    this.root = root;
    this.path = join(root, name);
    this.listener = listener;
  }

  /** A new, empty folder for this thread. Throws when the disk refuses. */
  static create(root: string, listener: FolderListener): Folder {
    const folder = new Folder(root, newFolderName(), listener);
    fs.mkdirSync(folder.path, { mode: 0o700 });
    return folder;
  }

  /** The folder of a dead process, now ours; undefined when a neighbour was quicker. */
  static adopt(root: string, name: string, listener: FolderListener): Folder | undefined {
    const folder = new Folder(root, newFolderName(), listener);
    try {
      fs.renameSync(join(root, name), folder.path);
    } catch {
      return undefined;
    }
    folder.touch();
    folder.load();
    return folder;
  }

  /** A folder as it lies, whoever owns it: the caller knows that the owner has stopped writing. */
  static openAt(root: string, name: string, listener: FolderListener): Folder {
    const folder = new Folder(root, name, listener);
    folder.load();
    return folder;
  }

  /** Names of folders under `root` whose owner is gone. */
  static orphans(root: string, now = Date.now()): string[] {
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

  /** Appends one event with its resource and scope. Throws when the disk refuses; then nothing of it will be read. */
  append(payload: string, header: string): void {
    let active = this.segments.at(-1);
    if (active === undefined || !active.active || active.size >= ROTATE_BYTES) {
      if (active?.active) this.retire(active);
      active = Segment.create(join(this.path, `${String(this.nextNumber).padStart(8, '0')}.seg`));
      this.nextNumber++;
      this.segments.push(active);
      this.headerWritten = undefined;
    }
    try {
      if (header !== this.headerWritten) {
        active.append(encodeLine(HEADER, header));
        this.headerWritten = header;
      }
      active.append(encodeLine(EVENT, payload));
      active.events++;
    } catch (error) {
      // It may end in half a line: never append to it again.
      this.retire(active);
      throw error;
    }
  }

  sync(): void {
    this.segments.at(-1)?.sync();
  }

  syncLater(): void {
    this.segments.at(-1)?.syncLater();
  }

  /** Bytes that wait here. */
  get bytes(): number {
    let sum = 0;
    for (const segment of this.segments) sum += segment.size - segment.acked;
    return sum;
  }

  next(limits: BatchLimits): Batch | undefined {
    for (let head = this.segments[0]; head !== undefined; head = this.segments[0]) {
      let batch: Batch | undefined;
      try {
        batch = head.next(limits);
      } catch (error) {
        // Gone from disk: whoever took the folder over while we seemed dead has it. Anything else is for the caller to say.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        this.drop(head);
        continue;
      }
      if (batch !== undefined) {
        const { commit } = batch;
        const segment = head;
        return {
          ...batch,
          commit: () => {
            commit();
            if (segment.drained && segment.active && segment.size >= ROTATE_DRAINED_BYTES) this.retire(segment);
            if (segment.drained && !segment.active) this.drop(segment);
          },
        };
      }
      if (head.active) {
        if (head.drained) this.reportLost(head);
        return undefined;
      }
      this.drop(head);
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
    try {
      fs.rmdirSync(this.path);
    } catch {
      // gone, or something that is not ours lies in it
    }
    return true;
  }

  private load(): void {
    for (const name of fs.readdirSync(this.path).sort()) {
      if (!SEGMENT.test(name)) continue;
      this.segments.push(Segment.open(join(this.path, name)));
      this.nextNumber = Number.parseInt(name, 10) + 1;
    }
  }

  private retire(segment: Segment): void {
    segment.active = false;
  }

  private drop(segment: Segment): void {
    const index = this.segments.indexOf(segment);
    if (index !== -1) this.segments.splice(index, 1);
    this.reportLost(segment);
    if (segment.finish() === 'damaged') this.listener.damaged(segment.path);
  }

  private reportLost(segment: Segment): void {
    if (segment.events > 0) this.listener.lost(segment.events);
    segment.events = 0;
  }
}
