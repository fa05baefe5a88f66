/** A lexer for ClickHouse SQL over bytes (what follows an INSERT's head may be binary), enough to find a statement's parts. */
export type TokenKind = 'word' | 'quoted' | 'string' | 'number' | 'punctuation';

export interface Token {
  readonly kind: TokenKind;
  /** Byte offsets in the text. */
  readonly start: number;
  readonly end: number;
  /** Depth of brackets around the token. */
  readonly depth: number;
}

const isSpace = (c: number) => c === 32 || (c >= 9 && c <= 13) || c === 0;
const isDigit = (c: number) => c >= 48 && c <= 57;
const isWord = (c: number) => (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || isDigit(c) || c === 95 || c >= 128;

/** Yields tokens from `from`; comments and blanks are skipped, an unclosed string or comment runs to the end. */
export function* tokens(text: Uint8Array, from = 0): Generator<Token, void, undefined> {
  const end = text.length;
  let at = from;
  let depth = 0;
  while (at < end) {
    const c = text[at]!;
    const next = text[at + 1];
    const start = at;
    if (isSpace(c)) {
      at++;
    } else if ((c === 45 && next === 45) || (c === 35 && (next === 32 || next === 33))) {
      at = lineEnd(text, at);
    } else if (c === 47 && next === 42) {
      at = blockCommentEnd(text, at);
    } else if (c === 39 || c === 34 || c === 96) {
      at = quotedEnd(text, at, c);
      yield { kind: c === 39 ? 'string' : 'quoted', start, end: at, depth };
    } else if (c === 36 && heredocEnd(text, at) > 0) {
      at = heredocEnd(text, at);
      yield { kind: 'string', start, end: at, depth };
    } else if (isWord(c)) {
      while (at < end && isWord(text[at]!)) at++;
      yield { kind: isDigit(c) ? 'number' : 'word', start, end: at, depth };
    } else {
      at++;
      const opens = c === 40 || c === 91 || c === 123;
      const closes = c === 41 || c === 93 || c === 125;
      if (closes) depth = Math.max(0, depth - 1);
      yield { kind: 'punctuation', start, end: at, depth };
      if (opens) depth++;
    }
  }
}

/** The token's text, upper-cased when it is a bare word. */
export function tokenText(text: Uint8Array, token: Token): string {
  const raw = Buffer.from(text.buffer, text.byteOffset + token.start, token.end - token.start).toString('utf8');
  return token.kind === 'word' ? raw.toUpperCase() : raw;
}

function lineEnd(text: Uint8Array, at: number): number {
  const end = text.indexOf(10, at);
  return end === -1 ? text.length : end;
}

function blockCommentEnd(text: Uint8Array, at: number): number {
  for (let i = at + 2; i + 1 < text.length; i++) if (text[i] === 42 && text[i + 1] === 47) return i + 2;
  return text.length;
}

function quotedEnd(text: Uint8Array, at: number, quote: number): number {
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === 92) i++;
    else if (text[i] === quote) {
      if (text[i + 1] !== quote) return i + 1;
      i++;
    }
  }
  return text.length;
}

/** End of `$tag$ … $tag$`, or 0 when there is none. */
function heredocEnd(text: Uint8Array, at: number): number {
  let i = at + 1;
  while (i < text.length && isWord(text[i]!)) i++;
  if (text[i] !== 36) return 0;
  const view = Buffer.from(text.buffer, text.byteOffset, text.length);
  const tag = view.subarray(at, i + 1);
  const end = view.indexOf(tag, i + 1);
  return end === -1 ? 0 : end + tag.length;
}

/** What a statement that is not an INSERT with data needs to be known before it runs. */
export interface Statement {
  /** First bare word, upper case (`SELECT`, `WITH`, `SYSTEM`, …); `(` for a bracketed select; empty for no statement. */
  readonly keyword: string;
  /** Second word, upper case. */
  readonly second: string;
  /** Format of a trailing FORMAT clause. */
  readonly format?: string;
  /** Something other than blanks follows the first `;`. */
  readonly several: boolean;
  /** Contains INTO OUTFILE or FROM INFILE, which a server refuses. */
  readonly file?: 'INTO OUTFILE' | 'FROM INFILE';
  /** The first six tokens, words in upper case. */
  readonly start: readonly string[];
  /** Contains PARALLEL WITH, which joins statements of any kind. */
  readonly parallel: boolean;
}

/** Reads the outline of one statement. */
export function outline(text: Uint8Array): Statement {
  let keyword = '';
  let second = '';
  let format: string | undefined;
  let several = false;
  let file: Statement['file'];
  let parallel = false;
  const start: string[] = [];
  let ended = false;
  let previous = '';
  let candidate: string | undefined;
  for (const token of tokens(text)) {
    const word = tokenText(text, token);
    if (ended) {
      if (word !== ';') several = true;
      if (several) break;
      continue;
    }
    // `FORMAT x` is the clause only where the statement ends or SETTINGS follow; else FORMAT was a name.
    if (candidate !== undefined && (word === ';' || word === 'SETTINGS')) format = candidate;
    candidate = undefined;
    if (word === ';' && token.kind === 'punctuation') {
      ended = true;
      continue;
    }
    if (start.length < 6) start.push(word);
    if (keyword === '') keyword = word;
    else if (second === '') second = word;
    if (token.depth === 0 && previous === 'FORMAT' && token.kind === 'word') candidate = rawWord(text, token);
    if (previous === 'INTO' && word === 'OUTFILE') file = 'INTO OUTFILE';
    if (previous === 'FROM' && word === 'INFILE') file = 'FROM INFILE';
    if (previous === 'PARALLEL' && word === 'WITH') parallel = true;
    previous = token.kind === 'word' ? word : '';
  }
  if (candidate !== undefined) format = candidate;
  return {
    parallel,
    start,
    keyword,
    second,
    several,
    ...(format === undefined ? {} : { format }),
    ...(file === undefined ? {} : { file }),
  };
}

function rawWord(text: Uint8Array, token: Token): string {
  return Buffer.from(text.buffer, text.byteOffset + token.start, token.end - token.start).toString('utf8');
}

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\0': '\\0', '\\': '\\\\', "'": "\\'" };

/** A string as a ClickHouse literal: quotes, backslashes, line ends and NUL (the end of a text in C) escaped. */
export function literal(value: string): string {
  let text = '';
  for (const character of value) text += ESCAPES[character] ?? character;
  return `'${text}'`;
}

/** A name as a quoted ClickHouse identifier. */
export function identifier(name: string): string {
  return `\`${name.replace(/[\\`]/g, '\\$&')}\``;
}
