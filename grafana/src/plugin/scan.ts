/** Where the quoted text that begins at `at` ends: the index behind its closing quote, or the text's end. A doubled quote is one in it. */
function endOfQuoted(text: string, at: number, backslash: boolean): number {
  const quote = text[at];
  let next = at + 1;
  while (next < text.length) {
    if (backslash && text[next] === '\\') {
      next += 2;
    } else if (text[next] !== quote) {
      next += 1;
    } else if (text[next + 1] === quote) {
      next += 2;
    } else {
      return next + 1;
    }
  }
  return text.length;
}

const DOLLAR_TAG = /\$\w*\$/y;

function endOfDollarQuoted(text: string, at: number): number | undefined {
  DOLLAR_TAG.lastIndex = at;
  const tag = DOLLAR_TAG.exec(text)?.[0];
  if (tag === undefined) return undefined;
  const close = text.indexOf(tag, at + tag.length);
  return close === -1 ? undefined : close + tag.length;
}

function endOfLine(text: string, at: number): number {
  const found = /[\r\n]/.exec(text.slice(at));
  return found === null ? text.length : at + found.index;
}

/** Blanks `--` and block comments outside of quotes; what stays keeps its place. A comment without an end reaches to the text's. */
export function blankComments(text: string): string {
  let out = '';
  let at = 0;
  while (at < text.length) {
    const char = text[at] as string;
    let end = at + 1;
    let blank = false;
    if (char === "'" || char === '"' || char === '`') {
      end = endOfQuoted(text, at, true);
    } else if (char === '$') {
      end = endOfDollarQuoted(text, at) ?? end;
    } else if (text.startsWith('--', at)) {
      end = endOfLine(text, at);
      blank = true;
    } else if (text.startsWith('/*', at)) {
      const close = text.indexOf('*/', at + 2);
      end = close === -1 ? text.length : close + 2;
      blank = true;
    }
    out += blank ? ' '.repeat(end - at) : text.slice(at, end);
    at = end;
  }
  return out;
}

/** The index of the bracket that closes the one at `open`; undefined where there is none. */
export function closingBracket(text: string, open: number): number | undefined {
  let depth = 0;
  for (let at = open; at < text.length; at += 1) {
    const char = text[at];
    if (char === "'" || char === '"') at = endOfQuoted(text, at, false) - 1;
    else if (char === '(') depth += 1;
    else if (char === ')') {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  return undefined;
}

/** A macro's arguments, trimmed: commas inside brackets and quotes separate nothing. Blank text has none. */
export function splitArguments(text: string): string[] {
  if (text.trim() === '') return [];
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === "'" || char === '"') at = endOfQuoted(text, at, false) - 1;
    else if (char === '(') depth += 1;
    else if (char === ')') depth -= 1;
    else if (char === ',' && depth === 0) {
      parts.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  if (depth !== 0) throw new Error('its brackets do not match');
  return [...parts, text.slice(start).trim()];
}
