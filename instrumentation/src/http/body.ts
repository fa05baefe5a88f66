import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync } from 'node:zlib';

/** A body that is longer is not looked at: 1 MiB, as sent and as decoded. */
export const MAX_BODY = 1024 * 1024;
export const TOO_LONG = `the body is longer than ${MAX_BODY} bytes`;

/** Keeps the bytes of a body as they pass, up to {@link MAX_BODY}. Copies: the application owns what it is given. */
export class BodyTap {
  #parts: Buffer[] = [];
  #size = 0;
  #tooLong = false;

  /** Never throws: it is called in the middle of the application's reading. */
  push(chunk: unknown): void {
    if (this.#tooLong) return;
    try {
      const bytes = bytesOf(chunk);
      if (bytes === undefined) return;
      this.#size += bytes.byteLength;
      if (this.#size <= MAX_BODY) {
        this.#parts.push(Buffer.from(bytes));
        return;
      }
    } catch {
      // No memory for a copy: as if it were too long.
    }
    this.#tooLong = true;
    this.#parts = [];
  }

  /** @returns the text, or what is wrong with it */
  text(encoding: string | undefined): { text?: string; problem?: string } {
    if (this.#tooLong) return { problem: TOO_LONG };
    const raw = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    try {
      const decoded = decode(raw, encoding);
      return decoded === undefined ? { problem: 'the body has an unknown content-encoding' } : { text: utf8(decoded) };
    } catch (error) {
      const tooLarge = (error as { code?: unknown } | null)?.code === 'ERR_BUFFER_TOO_LARGE';
      return { problem: tooLarge ? TOO_LONG : 'the body could not be decoded' };
    }
  }
}

function bytesOf(chunk: unknown): Uint8Array | undefined {
  if (typeof chunk === 'string') return Buffer.from(chunk);
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return chunk instanceof ArrayBuffer ? new Uint8Array(chunk) : undefined;
}

function utf8(bytes: Buffer): string {
  const bom = bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return bytes.toString('utf8', bom ? 3 : 0);
}

const LIMIT = { maxOutputLength: MAX_BODY };

/** Undoes `content-encoding`, the last one first. */
function decode(raw: Buffer, encoding: string | undefined): Buffer | undefined {
  let bytes = raw;
  if (encoding === undefined || raw.length === 0) return bytes;
  for (const coding of encoding.toLowerCase().split(',').reverse()) {
    const name = coding.trim();
    if (name === '' || name === 'identity') continue;
    if (name === 'gzip' || name === 'x-gzip') bytes = gunzipSync(bytes, LIMIT);
    else if (name === 'br') bytes = brotliDecompressSync(bytes, LIMIT);
    else if (name === 'zstd') bytes = zstdDecompressSync(bytes, LIMIT);
    // Some servers send raw deflate under this name, without zlib's header.
    else if (name === 'deflate')
      bytes = ((bytes[0] ?? 0) & 0x0f) === 8 ? inflateSync(bytes, LIMIT) : inflateRawSync(bytes, LIMIT);
    else return undefined;
  }
  return bytes;
}
