import { estimateTokens, MAX_SCANNED } from './text.ts';

/** Values visited in one body; what lies beyond is taken as being like what was seen. */
const MAX_VISITED = 5_000;
const MAX_DEPTH = 32;
/** Characters kept for a close reading of one body. */
const MAX_KEPT = 2 * MAX_SCANNED;

/**
 * Adds up the tokens of one request body. Reads properties only through {@link read}, so that getters that throw,
 * cycles and endless structures cost bounded work and no exception.
 */
export class Tally {
  #fixed = 0;
  #chars = 0;
  #keptChars = 0;
  #kept: string[] = [];
  #visited = 0;

  /** Tokens known by a rule: message framing, images. */
  add(tokens: number): void {
    this.#fixed += tokens;
  }

  /** A text of the prompt. */
  text(value: unknown): void {
    if (typeof value !== 'string' || value.length === 0) return;
    this.#chars += value.length;
    const room = MAX_KEPT - this.#keptChars;
    if (room <= 0) return;
    // From a long text, its middle: prompts often begin with boilerplate.
    const start = value.length > room ? Math.floor((value.length - room) / 2) : 0;
    const part = value.slice(start, start + room);
    this.#kept.push(part);
    this.#keptChars += part.length;
  }

  /** Texts and numbers of a structure (tool definitions, schemas), about as its JSON would be. */
  structure(value: unknown, depth = 0): void {
    if (depth > MAX_DEPTH || ++this.#visited > MAX_VISITED) return;
    if (typeof value === 'string') this.text(value);
    else if (typeof value === 'number' || typeof value === 'boolean') this.add(1);
    else if (isList(value)) this.each(value, (item) => this.structure(item, depth + 1));
    else {
      for (const key of keysOf(value)) {
        if (this.#visited > MAX_VISITED) return;
        this.text(key);
        // The quotes, colon and comma around it.
        this.add(1);
        this.structure(read(value, key), depth + 1);
      }
    }
  }

  /** Calls `visit` for the items of a list, within the bound; a longer list counts in proportion. */
  each(list: unknown, visit: (item: unknown) => void): void {
    if (!isList(list)) return;
    const length = lengthOf(list);
    const before = { fixed: this.#fixed, chars: this.#chars };
    let done = 0;
    while (done < length && this.#visited < MAX_VISITED) {
      this.#visited++;
      visit(read(list, String(done)));
      done++;
    }
    if (done > 0 && done < length) {
      const factor = length / done;
      this.#fixed = before.fixed + (this.#fixed - before.fixed) * factor;
      this.#chars = before.chars + (this.#chars - before.chars) * factor;
    }
  }

  /** The estimate, a whole number. */
  total(): number {
    const kept = this.#kept.length === 0 ? 0 : this.#kept.reduce((sum, text) => sum + estimateTokens(text), 0);
    const texts = this.#keptChars === 0 ? this.#chars / 4 : kept * (this.#chars / this.#keptChars);
    const total = Math.ceil(this.#fixed + texts);
    return Number.isSafeInteger(total) && total > 0 ? total : 0;
  }
}

/**
 * A property of anything that it holds itself, as it would be in its JSON. A getter is the application's and reads as undefined: the SDK
 * calls it once, and so it stays. A proxy that throws reads as undefined, too.
 */
export function read(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  try {
    return Reflect.getOwnPropertyDescriptor(value, key)?.value;
  } catch {
    return undefined;
  }
}

export function isList(value: unknown): value is unknown[] {
  try {
    return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
  } catch {
    return false;
  }
}

export function lengthOf(list: unknown[]): number {
  try {
    const { length } = list;
    return typeof length === 'number' && length > 0 ? length : 0;
  } catch {
    return 0;
  }
}

function keysOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  try {
    return Object.keys(value);
  } catch {
    return [];
  }
}
