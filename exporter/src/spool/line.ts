import { crc32 } from 'node:zlib';

/**
 * One spool line: kind, CRC-32 of the payload (seeded with the kind) as 8 hex digits, payload, newline. Payloads are JSON on one line, so that a
 * newline always ends a line and a reader finds its feet again after any damage.
 */
export const HEADER = 0x48; // H: resource and scope of the events that follow
export const EVENT = 0x45; // E: one LogRecord
export const ACK = 0x41; // A: what was acknowledged, and when; see ack.ts and sent.ts
const PREFIX = 9;
const NEWLINE = 0x0a;

export type LineKind = typeof HEADER | typeof EVENT | typeof ACK;

/** Reused from line to line: a line is written at once. Longer ones get a buffer of their own. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);
const HEX = Buffer.from('0123456789abcdef');

/** The line of a payload that holds no newline; valid until the next call. */
export function encodeLine(kind: LineKind, payload: string): Uint8Array {
  // UTF-8 takes at most three bytes per UTF-16 unit.
  const most = PREFIX + payload.length * 3 + 1;
  const buffer = most <= scratch.length ? scratch : Buffer.allocUnsafe(most);
  const end = PREFIX + buffer.write(payload, PREFIX);
  let sum = crc32(buffer.subarray(PREFIX, end), kind);
  for (let i = PREFIX - 1; i > 0; i--) {
    buffer[i] = HEX[sum & 15]!;
    sum >>>= 4;
  }
  buffer[0] = kind;
  buffer[end] = NEWLINE;
  return buffer.subarray(0, end + 1);
}

export interface Line {
  readonly kind: LineKind | 'damaged';
  readonly payload: Uint8Array;
  /** Offset after the line's newline, relative to the buffer. */
  readonly end: number;
}

/** The line that starts at `start`, or undefined when no newline follows: a torn tail, or more to read. */
export function decodeLine(buffer: Uint8Array, start: number): Line | undefined {
  const newline = buffer.indexOf(NEWLINE, start);
  if (newline === -1) return undefined;
  const end = newline + 1;
  const kind = buffer[start];
  const payload = buffer.subarray(Math.min(start + PREFIX, newline), newline);
  if ((kind === EVENT || kind === HEADER || kind === ACK) && newline - start > PREFIX) {
    const sum = hex8(buffer, start + 1);
    if (sum !== -1 && crc32(payload, kind) === sum) return { kind, payload, end };
  }
  return { kind: 'damaged', payload: buffer.subarray(start, newline), end };
}

/** Eight lower-case hex digits as a number, -1 when they are not. */
function hex8(buffer: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < at + 8; i++) {
    const c = buffer[i]!;
    const digit = c >= 48 && c <= 57 ? c - 48 : c >= 97 && c <= 102 ? c - 87 : -1;
    if (digit === -1) return -1;
    value = value * 16 + digit;
  }
  return value;
}
