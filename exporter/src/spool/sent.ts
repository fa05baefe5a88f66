import fs from 'node:fs';
import { join } from 'node:path';
import { type Acknowledged, readAcks } from './ack.ts';
import { ACK, encodeLine } from './line.ts';
import { namesIn } from './root.ts';

/** Segments up to this size are copied into a common file: thousands of short-lived processes must not leave thousands of files. */
const SMALL = 256 * 1024;
/** Time that one common file covers. */
const BUCKET_MS = 10 * 60_000;
const NAME = /^(\d{15})-.*\.seg$/;

export interface SentFile {
  readonly name: string;
  /** When it came here: its last acknowledgement, epoch milliseconds. A common file grows for ten minutes from then. */
  readonly at: number;
  readonly common: boolean;
  readonly bytes: number;
}

/**
 * `<root>/sent`: what was acknowledged, kept for a while in case the other side loses it after all (a Collector's queue on a disk that broke).
 * Bounded by age and size; never in the way of what waits.
 */
export class Sent {
  readonly path: string;
  private readonly keepMs: number;
  private readonly keepBytes: number;

  constructor(root: string, { keepMs, keepBytes }: { keepMs: number; keepBytes: number }) {
    this.path = join(root, 'sent');
    this.keepMs = keepMs;
    this.keepBytes = keepBytes;
  }

  /** Takes a segment that is acknowledged to its end, with its acknowledgements. Throws when it cannot; false when nothing is kept. */
  take(segment: string, ackPath: string, size: number, label: string, now = Date.now()): boolean {
    if (this.keepMs <= 0 || this.keepBytes <= 0) return false;
    try {
      this.move(segment, ackPath, size, label, now);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || !fs.existsSync(segment)) throw error;
      fs.mkdirSync(this.path, { mode: 0o700 });
      this.move(segment, ackPath, size, label, now);
    }
    return true;
  }

  /** Oldest first. */
  files(): SentFile[] {
    const found: SentFile[] = [];
    for (const name of namesIn(this.path)) {
      const time = NAME.exec(name)?.[1];
      if (time === undefined) continue;
      try {
        const bytes = fs.statSync(join(this.path, name)).size;
        found.push({ name, at: Number(time), common: name.endsWith('-common.seg'), bytes });
      } catch {
        // a neighbour removed it
      }
    }
    return found.sort((a, b) => a.at - b.at);
  }

  /** Removes what is too old, and the oldest of what is too much. Never throws. */
  prune(now = Date.now()): void {
    const files = this.files();
    let sum = files.reduce((bytes, file) => bytes + file.bytes, 0);
    for (const file of files) {
      const newest = file.at + (file.common ? BUCKET_MS : 0);
      if (sum <= this.keepBytes && newest + this.keepMs > now) continue;
      this.remove(file.name);
      sum -= file.bytes;
    }
  }

  /** Gives its place to events that wait, when the disk is full. True when there was any. */
  makeRoom(): boolean {
    const files = this.files();
    for (const { name } of files) this.remove(name);
    return files.length > 0;
  }

  /** When the batches of a file in here were acknowledged; for a common file see its own lines. */
  acks(name: string): Acknowledged[] {
    const path = join(this.path, name);
    return readAcks(ackPathOf(path), path);
  }

  private move(segment: string, ackPath: string, size: number, label: string, now: number): void {
    if (size > SMALL) {
      const target = join(this.path, `${stamp(now)}-${label}.seg`);
      fs.renameSync(segment, target);
      try {
        fs.renameSync(ackPath, ackPathOf(target));
      } catch {
        // without it the whole file counts as acknowledged when it came here
      }
      return;
    }
    const at = readAcks(ackPath, segment).map((ack) => ack.at);
    const times = encodeLine(ACK, `${Math.min(now, ...at)} ${now}`).slice();
    const bucket = join(this.path, `${stamp(now - (now % BUCKET_MS))}-common.seg`);
    // One write, so that processes that write at once do not mix their lines.
    const bytes = Buffer.concat([times, fs.readFileSync(segment)]);
    const fd = fs.openSync(bucket, 'a', 0o600);
    try {
      if (fs.writeSync(fd, bytes) < bytes.length) throw new Error('the disk is full');
    } finally {
      fs.closeSync(fd);
    }
    fs.unlinkSync(segment);
    fs.rmSync(ackPath, { force: true });
  }

  private remove(name: string): void {
    for (const path of [join(this.path, name), ackPathOf(join(this.path, name))]) {
      try {
        fs.rmSync(path, { force: true });
      } catch {
        // a neighbour may have been quicker, or the disk is read-only
      }
    }
  }
}

export const ackPathOf = (segment: string): string => `${segment.slice(0, -'.seg'.length)}.ack`;

const stamp = (ms: number) => String(Math.max(0, Math.floor(ms))).padStart(15, '0');
