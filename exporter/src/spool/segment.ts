import fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UNKNOWN_HEADER } from '../record.ts';
import type { Batch, BatchLimits } from '../types.ts';
import { decodeLine, EVENT, encodeLine, HEADER } from './line.ts';

const READ_AHEAD = 64 * 1024;

/** What became of a segment on disk when all its events were acknowledged. */
export type Finished = 'removed' | 'damaged' | 'gone';

/**
 * One append-only file of a spool folder with the offset up to which its events are acknowledged. The offset is kept beside it
 * (`.ack`), so that a restart resends little; a lost or torn `.ack` only means duplicates.
 */
export class Segment {
  readonly path: string;
  size: number;
  /** Bytes before this are acknowledged. */
  acked = 0;
  /** Still appended to: stays on disk when everything in it is acknowledged. */
  active: boolean;
  damagedLines = 0;
  /** Events in it that are not acknowledged; only counted for segments this process wrote. */
  events = 0;
  private fd: number | undefined;
  private ackFd: number | undefined;
  private header: string | undefined;

  private constructor(path: string, fd: number | undefined, size: number, active: boolean) {
    this.path = path;
    this.fd = fd;
    this.size = size;
    this.active = active;
  }

  /** A new file, open for appending; 0600. Throws when the disk refuses. */
  static create(path: string): Segment {
    return new Segment(path, fs.openSync(path, 'ax+', 0o600), 0, true);
  }

  /** A file that a dead process left. Throws when it cannot be read. */
  static open(path: string): Segment {
    const segment = new Segment(path, undefined, fs.statSync(path).size, false);
    segment.acked = segment.readAck();
    if (segment.acked > 0) segment.recoverHeader();
    return segment;
  }

  /** Appends a whole line. Throws when the disk refuses; then the file may end in a torn line and must be left. */
  append(line: Uint8Array): void {
    let written = 0;
    do written += fs.writeSync(this.fd!, line, written);
    while (written < line.length);
    this.size += line.length;
  }

  /** Forces what was appended to the disk. */
  sync(): void {
    if (this.fd !== undefined) fs.fdatasyncSync(this.fd);
  }

  syncLater(): void {
    if (this.fd !== undefined) fs.fdatasync(this.fd, () => {});
  }

  get drained(): boolean {
    return this.acked >= this.size;
  }

  /** The next events behind the acknowledged ones, or undefined when only damage, headers or nothing is left. */
  next(limits: BatchLimits): Batch | undefined {
    const records: Uint8Array[] = [];
    let header: string | undefined;
    let offset = this.acked;
    let bytes = 0;
    let want = limits.maxBytes + READ_AHEAD;
    while (offset < this.size && records.length < limits.maxEvents && bytes < limits.maxBytes) {
      const chunk = this.read(offset, Math.min(want, this.size - offset));
      let at = 0;
      let stop = false;
      while (records.length < limits.maxEvents) {
        const line = decodeLine(chunk, at);
        if (line === undefined) break;
        if (line.kind === EVENT) {
          if (records.length > 0 && bytes + line.payload.length > limits.maxBytes) {
            stop = true;
            break;
          }
          header ??= this.header ?? UNKNOWN_HEADER;
          records.push(line.payload);
          bytes += line.payload.length;
        } else if (line.kind === HEADER) {
          // A batch has one header: the next one starts here.
          if (records.length > 0) {
            stop = true;
            break;
          }
          this.header = Buffer.from(line.payload).toString();
        } else {
          this.damagedLines++;
        }
        at = line.end;
      }
      offset += at;
      if (stop) break;
      if (at === 0) {
        // No whole line in the chunk: a line longer than it, or a torn tail.
        if (offset + chunk.length >= this.size) {
          if (!this.active) offset = this.size;
          break;
        }
        want *= 2;
      }
    }
    if (records.length === 0) {
      // Nothing but headers and damage up to here: step over it once, so that it is not read (and counted) again.
      this.acked = offset;
      return undefined;
    }
    const count = records.length;
    return {
      records,
      header: header!,
      commit: () => {
        this.acked = offset;
        this.events -= count;
        this.writeAck();
      },
    };
  }

  /** Everything is acknowledged: removes the file; one that held damaged lines is kept beside the folder as `.damaged`. */
  finish(): Finished {
    this.close();
    try {
      if (this.damagedLines > 0) {
        const folder = dirname(this.path);
        fs.renameSync(this.path, join(dirname(folder), `${basename(folder)}-${basename(this.path)}.damaged`));
        return 'damaged';
      }
      fs.unlinkSync(this.path);
      return 'removed';
    } catch {
      return 'gone';
    } finally {
      fs.rmSync(this.ackPath, { force: true });
    }
  }

  close(): void {
    for (const fd of [this.fd, this.ackFd]) {
      try {
        if (fd !== undefined) fs.closeSync(fd);
      } catch {
        // closed already
      }
    }
    this.fd = undefined;
    this.ackFd = undefined;
  }

  private get ackPath(): string {
    return `${this.path.slice(0, -'.seg'.length)}.ack`;
  }

  private read(offset: number, length: number): Uint8Array {
    this.fd ??= fs.openSync(this.path, 'r');
    const buffer = Buffer.allocUnsafe(length);
    let done = 0;
    while (done < length) {
      const n = fs.readSync(this.fd, buffer, done, length - done, offset + done);
      if (n === 0) break;
      done += n;
    }
    // Shorter than it was: somebody truncated it. What is left is all there will be.
    if (done < length) this.size = offset + done;
    return buffer.subarray(0, done);
  }

  private writeAck(): void {
    try {
      this.ackFd ??= fs.openSync(this.ackPath, 'w', 0o600);
      fs.writeSync(this.ackFd, encodeLine(HEADER, String(this.acked).padStart(15, '0')), 0);
    } catch {
      // without it the next start resends; the ledger counts an id once
    }
  }

  private readAck(): number {
    try {
      const line = decodeLine(fs.readFileSync(this.ackPath), 0);
      const offset = line?.kind === HEADER ? Number(Buffer.from(line.payload).toString()) : 0;
      return Number.isSafeInteger(offset) && offset >= 0 && offset <= this.size ? offset : 0;
    } catch {
      return 0;
    }
  }

  /** The header that holds at the acknowledged offset: the last one before it. */
  private recoverHeader(): void {
    const chunk = this.read(0, this.acked);
    for (let at = 0; at < chunk.length; ) {
      const line = decodeLine(chunk, at);
      if (line === undefined) break;
      if (line.kind === HEADER) this.header = Buffer.from(line.payload).toString();
      at = line.end;
    }
  }
}
