import type { StreamObserver } from './chunks.ts';

/** One event longer than this is passed on unread. */
const MAX_EVENT = 4 * 1024 * 1024;
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true });
const ENCODER = new TextEncoder();

/** What looks at the bytes of a body that somebody else reads. */
export interface BodyTap {
  /** The bytes to hand on in place of these, or undefined: nothing yet. Never throws. */
  push(bytes: Uint8Array): Uint8Array | undefined;
  /** Bytes held back until the end. Never throws. */
  flush(): Uint8Array | undefined;
}

/**
 * Shows the events of a raw stream to an observer; with `injected` what is there only because we asked for usage is cut out: the chunk
 * with the usage, and `"usage":null` in the others. All other bytes pass as they came. Cutting is arithmetic on bytes, so that it
 * does not depend on whether an event can be read.
 */
export class SseTap implements BodyTap {
  private readonly observer: StreamObserver;
  private readonly injected: boolean;
  private held = new Uint8Array(1024);
  private length = 0;

  constructor(observer: StreamObserver, injected: boolean) {
    this.observer = observer;
    this.injected = injected;
  }

  push(bytes: Uint8Array): Uint8Array | undefined {
    const scanned = this.length > 3 ? this.length - 3 : 0;
    this.append(bytes);
    const out = this.injected ? new Uint8Array(this.length) : undefined;
    let passed = 0;
    let start = 0;
    for (let i = scanned; i < this.length; i++) {
      if (!endsEvent(this.held, start, i)) continue;
      passed += this.event(start, i + 1, out, passed);
      start = i + 1;
    }
    if (this.length - start > MAX_EVENT) {
      out?.set(this.held.subarray(start, this.length), passed);
      passed += this.length - start;
      start = this.length;
    }
    this.held.copyWithin(0, start, this.length);
    this.length -= start;
    if (out === undefined) return bytes;
    return passed === 0 ? undefined : out.subarray(0, passed);
  }

  /** A whole stream as text; returns what goes on. */
  text(events: string): string {
    const parts = [this.push(ENCODER.encode(events)), this.flush()];
    if (!this.injected) return events;
    let text = '';
    for (const part of parts) if (part !== undefined) text += DECODER.decode(part);
    return text;
  }

  flush(): Uint8Array | undefined {
    if (this.length === 0) return undefined;
    const out = this.injected ? new Uint8Array(this.length) : undefined;
    const passed = this.event(0, this.length, out, 0);
    this.length = 0;
    return passed === 0 ? undefined : out?.subarray(0, passed);
  }

  private append(bytes: Uint8Array): void {
    const length = this.length + bytes.byteLength;
    if (length > this.held.byteLength) {
      const larger = new Uint8Array(length + this.held.byteLength);
      larger.set(this.held.subarray(0, this.length));
      this.held = larger;
    }
    this.held.set(bytes, this.length);
    this.length = length;
  }

  /** Writes what of an event goes on; returns how many bytes. */
  private event(start: number, end: number, out: Uint8Array | undefined, at: number): number {
    const event = this.held.subarray(start, end);
    const ours = this.show(event);
    if (out === undefined) return 0;
    if (ours ?? isUsageChunk(event)) return 0;
    return withoutNullUsage(event, out, at);
  }

  /** Whether the event is there only because we asked; undefined: it could not be read. */
  private show(event: Uint8Array): boolean | undefined {
    try {
      const data = DECODER.decode(event)
        .split(/\r\n|\n|\r/)
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).trimStart())
        .join('\n');
      if (data === '' || data === '[DONE]') return false;
      return this.observer.see(JSON.parse(data));
    } catch {
      this.observer.see(undefined);
      return undefined;
    }
  }
}

const [LF, CR, QUOTE, COMMA, COLON, OPEN, CLOSE, BRACE, END_BRACE] = [10, 13, 34, 44, 58, 91, 93, 123, 125] as const;

/** Whether the blank line that ends the event from `start` on ends at `i`: LF LF, CR CR or CR LF CR LF. */
function endsEvent(bytes: Uint8Array, start: number, i: number): boolean {
  const last = bytes[i];
  if (last !== LF && last !== CR) return false;
  if (i - 1 >= start && bytes[i - 1] === last) return true;
  return last === LF && i - 3 >= start && bytes[i - 1] === CR && bytes[i - 2] === LF && bytes[i - 3] === CR;
}

const ascii = (word: string): Uint8Array => Uint8Array.from(word, (letter) => letter.charCodeAt(0));
const USAGE = ascii('"usage"');
const CHOICES = ascii('"choices"');
const NULL = ascii('null');

/** The chunk that a provider sends because of `include_usage`: no choices, and a usage. */
function isUsageChunk(event: Uint8Array): boolean {
  let choices = false;
  let usage = false;
  for (let i = 0; i < event.length; i++) {
    if (event[i] !== QUOTE) continue;
    const value = afterKey(event, i, CHOICES);
    if (value >= 0 && event[value] === OPEN && event[skipBlank(event, value + 1)] === CLOSE) choices = true;
    const of = afterKey(event, i, USAGE);
    if (of >= 0 && event[of] === BRACE) usage = true;
  }
  return choices && usage;
}

/**
 * Copies an event without `,"usage":null`. In JSON text an unescaped quote before the colon can only end a key, so no string's content
 * matches. Returns how many bytes were written.
 */
function withoutNullUsage(event: Uint8Array, out: Uint8Array, at: number): number {
  let written = at;
  let from = 0;
  for (let i = 0; i < event.length; i++) {
    if (event[i] !== COMMA) continue;
    const value = afterKey(event, skipBlank(event, i + 1), USAGE);
    if (value < 0 || !matches(event, value, NULL)) continue;
    const next = event[skipBlank(event, value + NULL.length)];
    if (next !== COMMA && next !== END_BRACE) continue;
    out.set(event.subarray(from, i), written);
    written += i - from;
    from = value + NULL.length;
    i = from - 1;
  }
  out.set(event.subarray(from), written);
  return written + event.length - from - at;
}

/** Where the value of a key begins whose opening quote is at `i`; -1: it is another key, or none. */
function afterKey(bytes: Uint8Array, i: number, key: Uint8Array): number {
  if (!matches(bytes, i, key)) return -1;
  const colon = skipBlank(bytes, i + key.length);
  return bytes[colon] === COLON ? skipBlank(bytes, colon + 1) : -1;
}

function matches(bytes: Uint8Array, i: number, word: Uint8Array): boolean {
  for (let k = 0; k < word.length; k++) if (bytes[i + k] !== word[k]) return false;
  return true;
}

function skipBlank(bytes: Uint8Array, from: number): number {
  let i = from;
  while (bytes[i] === 32 || bytes[i] === 9 || bytes[i] === LF || bytes[i] === CR) i++;
  return i;
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
    try {
      this.size += bytes.byteLength;
      if (this.size > this.limit) this.parts = undefined;
      // A copy (`slice` of a Buffer is none): the reader of a byte stream may take the buffer away.
      this.parts?.push(new Uint8Array(bytes));
    } catch {
      // No memory for a copy: as if it were too long.
      this.parts = undefined;
    }
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
