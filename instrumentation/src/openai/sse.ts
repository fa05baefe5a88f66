import type { StreamObserver } from './chunks.ts';

/** One event longer than this is passed on unread. */
const MAX_EVENT = 4 * 1024 * 1024;
const BOUNDARY = /\r\n\r\n|\n\n|\r\r/g;
/** In JSON text an unescaped quote before the colon can only end a key, so no string's content matches. */
const NULL_USAGE = /,\s*"usage"\s*:\s*null(?=\s*[,}])/g;

/** What looks at the bytes of a body that somebody else reads. */
export interface BodyTap {
  /** The bytes to hand on in place of these, or undefined: nothing yet. Never throws. */
  push(bytes: Uint8Array): Uint8Array | undefined;
  /** Bytes held back until the end. */
  flush(): Uint8Array | undefined;
}

/** Shows the events of a raw stream to an observer; with `injected` the chunk that only we asked for is cut out. */
export class SseTap implements BodyTap {
  private readonly observer: StreamObserver;
  private readonly injected: boolean;
  private readonly decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  private readonly encoder = new TextEncoder();
  private pending = '';

  constructor(observer: StreamObserver, injected: boolean) {
    this.observer = observer;
    this.injected = injected;
  }

  push(bytes: Uint8Array): Uint8Array | undefined {
    const passed = this.take(this.decoder.decode(bytes, { stream: true }));
    if (!this.injected) return bytes;
    return passed === '' ? undefined : this.encoder.encode(passed);
  }

  flush(): Uint8Array | undefined {
    const rest = this.pending + this.decoder.decode();
    this.pending = '';
    const passed = rest === '' ? '' : this.event(rest);
    return this.injected && passed !== '' ? this.encoder.encode(passed) : undefined;
  }

  /** Whole events of the text so far, less those to hide. */
  private take(more: string): string {
    const from = Math.max(0, this.pending.length - 3);
    this.pending += more;
    BOUNDARY.lastIndex = from;
    let start = 0;
    let passed = '';
    for (let match = BOUNDARY.exec(this.pending); match; match = BOUNDARY.exec(this.pending)) {
      const end = match.index + match[0].length;
      passed += this.event(this.pending.slice(start, end));
      start = end;
    }
    if (start > 0) this.pending = this.pending.slice(start);
    if (this.pending.length > MAX_EVENT) {
      passed += this.pending;
      this.pending = '';
    }
    return passed;
  }

  private event(raw: string): string {
    const data = raw
      .split(/\r\n|\n|\r/)
      .filter((line) => line.startsWith('data:'))
      .map((line) => line.slice(5).trimStart())
      .join('\n');
    if (data === '' || data === '[DONE]') return raw;
    let chunk: unknown;
    try {
      chunk = JSON.parse(data);
    } catch {
      // No JSON: it goes on as it is.
    }
    if (this.observer.see(chunk)) return '';
    return this.injected ? raw.replace(NULL_USAGE, '') : raw;
  }
}

/** Collects a JSON body as it passes, up to a limit beyond which it is only counted as unread. */
export class JsonTap implements BodyTap {
  private readonly limit: number;
  private parts: Uint8Array[] | undefined = [];
  private size = 0;

  constructor(limit = 8 * 1024 * 1024) {
    this.limit = limit;
  }

  push(bytes: Uint8Array): Uint8Array {
    this.size += bytes.byteLength;
    if (this.size > this.limit) this.parts = undefined;
    // A copy: the reader of a byte stream may take the buffer away.
    this.parts?.push(bytes.slice());
    return bytes;
  }

  flush(): undefined {
    return undefined;
  }

  /** The parsed body; undefined when it was too long or is no JSON. */
  value(): unknown {
    if (!this.parts) return undefined;
    try {
      return JSON.parse(Buffer.concat(this.parts).toString('utf8'));
    } catch {
      return undefined;
    }
  }
}
