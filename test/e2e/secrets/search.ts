import { gunzipSync } from 'node:zlib';

/** A planted marker (marks.cjs). `own`: given by the user to be recorded, so it may be found. */
export interface Mark {
  readonly name: string;
  readonly kind: 'word' | 'phone' | 'card';
  readonly text: string;
  readonly own: boolean;
}

export interface Found {
  readonly mark: string;
  readonly own: boolean;
  /** The part that was seen, with what is around it. */
  readonly context: string;
  /** How it was written: `` as it is, `/base64`, `/percent/json`, … */
  readonly form: string;
}

/** Length of the shortest part of a marker that counts. */
const PART = 8;
const DEPTH = 2;

/** Looks for markers, whole or in parts of 8 characters, as they are and in every usual encoding, also one in another. */
export class Search {
  readonly #parts = new Map<string, Mark>();
  readonly #phones = new Map<string, Mark>();
  readonly #cards = new Map<string, Mark>();

  constructor(marks: Iterable<Mark>) {
    for (const mark of marks) {
      const digits = mark.text.replace(/\D/g, '');
      if (mark.kind === 'phone') this.#phones.set(digits.slice(1), mark);
      // A card's number without its last four digits is found too.
      else if (mark.kind === 'card') for (const part of windows(digits, 12)) this.#cards.set(part, mark);
      else for (const part of windows(mark.text, PART)) this.#parts.set(part, mark);
    }
  }

  /** Each marker that is in the data, once per form. */
  find(data: Uint8Array | string): Found[] {
    const found = new Map<string, Found>();
    this.#look(typeof data === 'string' ? data : textOf(Buffer.from(data)), '', DEPTH, found);
    return [...found.values()];
  }

  #look(text: string, form: string, depth: number, found: Map<string, Found>): void {
    this.#here(text, form, found);
    if (depth === 0) return;
    for (const [name, decoded] of decodings(text)) {
      for (const part of decoded) this.#look(part, `${form}/${name}`, depth - 1, found);
    }
  }

  #here(text: string, form: string, found: Map<string, Found>): void {
    const small = text.toLowerCase();
    const keep = (mark: Mark, at: number) => {
      const key = `${mark.name} ${form}`;
      if (found.has(key)) return;
      const context = text.slice(Math.max(0, at - 60), at + 40);
      found.set(key, { mark: mark.name, own: mark.own, context: context.replace(/[^\x20-\x7e]+/g, '.'), form });
    };
    for (const run of small.matchAll(/[a-z0-9]{8,}/g)) {
      for (let at = 0; at + PART <= run[0].length; at++) {
        const mark = this.#parts.get(run[0].slice(at, at + PART));
        if (mark !== undefined) keep(mark, run.index + at);
      }
    }
    // Times have 13 digits and more: a number of ten within them is chance.
    for (const run of text.matchAll(/(?<!\d)\d{10,12}(?!\d)/g)) {
      for (const part of windows(run[0], 10)) {
        const mark = this.#phones.get(part);
        if (mark !== undefined) keep(mark, run.index);
      }
    }
    for (const { 0: shape, index } of text.matchAll(/\d{3}\)?[\s.\-/]{1,2}\d{3}[\s.\-/]{1,2}\d{4}/g)) {
      const mark = this.#phones.get(shape.replace(/\D/g, ''));
      if (mark !== undefined) keep(mark, index);
    }
    for (const run of text.matchAll(/\d(?:[ -]?\d){11,}/g)) {
      for (const part of windows(run[0].replace(/\D/g, ''), 12)) {
        const mark = this.#cards.get(part);
        if (mark !== undefined) keep(mark, run.index);
      }
    }
  }
}

function* windows(text: string, size: number): Generator<string> {
  for (let at = 0; at + size <= text.length; at++) yield text.slice(at, at + size);
}

function textOf(data: Buffer): string {
  if (data[0] === 0x1f && data[1] === 0x8b) return gunzipSync(data).toString('latin1');
  return data.toString('latin1');
}

/** What a text is when its encoded parts are decoded; only where that differs. */
function* decodings(text: string): Generator<[string, string[]]> {
  if (/%[0-9a-f]{2}/i.test(text)) {
    yield [
      'percent',
      [text.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16)))],
    ];
  }
  if (/\\u[0-9a-f]{4}/i.test(text)) {
    yield ['json', [text.replace(/\\u([0-9a-f]{4})/gi, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16)))]];
  }
  const base64: string[] = [];
  for (const { 0: run } of text.matchAll(/[A-Za-z0-9+/_-]{14,}/g)) {
    // It need not begin where the run begins.
    for (let offset = 0; offset < 4; offset++) base64.push(Buffer.from(run.slice(offset), 'base64').toString('latin1'));
  }
  if (base64.length > 0) yield ['base64', [base64.join('\n')]];
  const hex = [...text.matchAll(/[0-9a-f]{16,}/gi)].flatMap(({ 0: run }) => [
    Buffer.from(run, 'hex').toString('latin1'),
    Buffer.from(run.slice(1), 'hex').toString('latin1'),
  ]);
  if (hex.length > 0) yield ['hex', [hex.join('\n')]];
}
