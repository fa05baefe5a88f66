import fs from 'node:fs';
import { crc32 } from 'node:zlib';
import { ACK, decodeLine, encodeLine, HEADER } from './line.ts';

/**
 * Up to where a segment is acknowledged, kept beside it: one line per acknowledged batch, the last readable one counts. Each carries a sum of
 * the bytes in front of its offset, so that an acknowledgement beside another file (a restored backup, swapped names) is not believed.
 */
export interface Acknowledged {
  readonly offset: number;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Bytes in front of the offset that the sum is of. */
const WITNESS = 64;

/** The line for everything before `offset`; reads the segment's last bytes there. */
export function ackLine(segmentFd: number, offset: number, at: number): Uint8Array {
  return encodeLine(ACK, `${offset} ${at} ${witness(segmentFd, offset)}`);
}

/** The acknowledgements that fit the segment, in order; empty when there are none. Never throws. */
export function readAcks(ackPath: string, segmentPath: string): Acknowledged[] {
  return select(ackPath, segmentPath, (lines, fits) => lines.filter(fits));
}

/** The offset up to which the segment is acknowledged. Never throws. */
export function readAcked(ackPath: string, segmentPath: string): number {
  const found = select(ackPath, segmentPath, (lines, fits) => [lines.findLast(fits)]);
  return found[0]?.offset ?? 0;
}

interface AckLine extends Acknowledged {
  readonly sum: string | undefined;
}

function select<T>(
  ackPath: string,
  segmentPath: string,
  choose: (lines: readonly AckLine[], fits: (line: AckLine) => boolean) => T[],
): T[] {
  let fd: number | undefined;
  try {
    const bytes = fs.readFileSync(ackPath);
    const segment = fs.openSync(segmentPath, 'r');
    fd = segment;
    const { size, mtimeMs } = fs.fstatSync(segment);
    const lines: AckLine[] = [];
    for (let line = decodeLine(bytes, 0); line !== undefined; line = decodeLine(bytes, line.end)) {
      if (line.kind !== ACK && line.kind !== HEADER) continue;
      const [offset, at, sum] = Buffer.from(line.payload).toString().split(' ');
      // Before 2026-11-23 a line was an offset alone.
      lines.push({ offset: Number(offset), at: at === undefined ? mtimeMs : Number(at), sum });
    }
    const fits = ({ offset, at, sum }: AckLine) =>
      Number.isSafeInteger(offset) &&
      offset >= 0 &&
      offset <= size &&
      Number.isFinite(at) &&
      (sum === undefined ? endsLine(segment, offset) : sum === witness(segment, offset));
    return choose(lines, fits);
  } catch {
    return [];
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

/** Whether a line ends in front of the offset: one inside a line would cost its event. */
function endsLine(fd: number, offset: number): boolean {
  const byte = Buffer.alloc(1);
  return offset === 0 || (fs.readSync(fd, byte, 0, 1, offset - 1) === 1 && byte[0] === 0x0a);
}

function witness(fd: number, offset: number): string {
  const length = Math.min(WITNESS, offset);
  const bytes = Buffer.alloc(length);
  fs.readSync(fd, bytes, 0, length, offset - length);
  return crc32(bytes).toString(16).padStart(8, '0');
}
