import fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isHeader, UNKNOWN_HEADER } from '../record.ts';
import type { Batch, BatchLimits } from '../types.ts';
import { ackLine, readAcked } from './ack.ts';
import { decodeLine, EVENT, HEADER } from './line.ts';
import { ackPathOf, type Sent } from './sent.ts';

const READ_AHEAD = 64 * 1024;

/** What became of a segment on disk when all its events were acknowledged. */
export type Finished = 'removed' | 'kept' | 'damaged' | 'gone';

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
  /** It could not be read, and is not asked again until somebody clears this: what lies behind it must not wait for it. */
  trouble = false;
  private fd: number | undefined;
  private ackFd: number | undefined;
  /** `null`: to be found in what is acknowledged already. */
  private header: string | null | undefined;

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

  /** A file that a dead process left. Throws when it is gone. */
  static open(path: string): Segment {
    const segment = new Segment(path, undefined, fs.statSync(path).size, false);
    segment.acked = readAcked(segment.ackPath, path);
    if (segment.acked > 0) segment.header = null;
    return segment;
  }

  /** Appends a whole line. Throws when the disk refuses; `size` is then what it was. */
  append(line: Uint8Array): void {
    let written = 0;
    do written += fs.writeSync(this.fd!, line, written);
    while (written < line.length);
    this.size += line.length;
  }

  /** Takes back what was appended behind `size`. False when the disk refuses that too: then the file may end in a torn line and must be left. */
  rollBack(size: number): boolean {
    this.size = size;
    try {
      fs.ftruncateSync(this.fd!, size);
      return true;
    } catch {
      return false;
    }
  }

  /** Forces what was appended to the disk. Throws when the disk refuses. */
  sync(): void {
    if (this.fd !== undefined) fs.fdatasyncSync(this.fd);
  }

  syncLater(failed: (error: Error) => void): void {
    if (this.fd === undefined) return;
    // The file may be closed meanwhile; then it was acknowledged, or is synced by whoever goes on with it.
    fs.fdatasync(this.fd, (error) => {
      if (error !== null && error.code !== 'EBADF') failed(error);
    });
  }

  get drained(): boolean {
    return this.acked >= this.size;
  }

  /** The next events behind the acknowledged ones, or undefined when only damage, headers or nothing is left. */
  next(limits: BatchLimits): Batch | undefined {
    if (this.header === null) this.header = this.recoverHeader();
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
          this.header = headerIn(line.payload);
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
          if (!this.active) {
            offset = this.size;
            this.damagedLines++;
          }
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

  /** The first event behind the acknowledged ones. Keeps no file open that was not: folders of dead processes may be many. */
  peek(): Uint8Array | undefined {
    const closed = this.fd === undefined;
    try {
      return this.next({ maxEvents: 1, maxBytes: 1 })?.records[0];
    } finally {
      if (closed) this.close();
    }
  }

  /**
   * Everything is acknowledged: keeps the file for a while in `sent`, or removes it; one that held damaged lines is kept beside the folder as
   * `.damaged`. Never throws.
   */
  finish(sent?: Sent): Finished {
    this.close();
    const folder = dirname(this.path);
    const label = `${basename(folder)}-${basename(this.path, '.seg')}`;
    let finished: Finished = 'gone';
    try {
      if (this.damagedLines > 0) {
        fs.renameSync(this.path, join(dirname(folder), `${label}.seg.damaged`));
        finished = 'damaged';
      } else if (this.size > 0 && sent !== undefined && this.kept(sent, label)) finished = 'kept';
      else {
        fs.unlinkSync(this.path);
        finished = 'removed';
      }
      fs.rmSync(this.ackPath, { force: true });
    } catch {
      // taken over, removed by somebody, or the disk is read-only now: then it is sent again one day, and the ledger counts an id once
    }
    return finished;
  }

  /** A copy that cannot be kept must not keep what is acknowledged from being removed. */
  private kept(sent: Sent, label: string): boolean {
    try {
      return sent.take(this.path, this.ackPath, this.size, label);
    } catch {
      return false;
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
    return ackPathOf(this.path);
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
      this.fd ??= fs.openSync(this.path, 'r');
      this.ackFd ??= fs.openSync(this.ackPath, 'a', 0o600);
      fs.writeSync(this.ackFd, ackLine(this.fd, this.acked, Date.now()));
    } catch {
      // without it the next start resends; the ledger counts an id once
    }
  }

  /** The header that holds at the acknowledged offset: the last one before it. */
  private recoverHeader(): string | undefined {
    let header: string | undefined;
    let want = READ_AHEAD;
    for (let offset = 0; offset < this.acked; ) {
      const length = Math.min(want, this.acked - offset);
      const chunk = this.read(offset, length);
      let at = 0;
      for (let line = decodeLine(chunk, at); line !== undefined; line = decodeLine(chunk, at)) {
        if (line.kind === HEADER) header = headerIn(line.payload);
        at = line.end;
      }
      if (at === 0 && offset + chunk.length >= this.acked) break;
      want = at === 0 ? want * 2 : READ_AHEAD;
      offset += at;
    }
    return header;
  }
}

/** A header that no receiver would take counts as none: the money is in the records. */
function headerIn(payload: Uint8Array): string {
  const header = Buffer.from(payload).toString();
  return isHeader(header) ? header : UNKNOWN_HEADER;
}
