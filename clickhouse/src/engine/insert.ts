import { type Token, tokens, tokenText } from './sql.ts';

/** An INSERT whose rows come with the request. Offsets are bytes of the request's text. */
export interface InsertHead {
  /** Where `FROM INFILE …` can be put: before SETTINGS, FORMAT or VALUES. */
  readonly source: number;
  /** `SETTINGS …` between the table and the format, if there is one; else empty. */
  readonly settings: readonly [start: number, end: number];
  /** Format name as written; `Values` for VALUES. */
  readonly format: string;
  /** First byte of the rows. */
  readonly data: number;
}

export type InsertAnalysis =
  /** Not an INSERT, or one without rows of its own (INSERT … SELECT). */
  | { readonly kind: 'none' }
  /** The text ends before one can tell. */
  | { readonly kind: 'incomplete' }
  /** INSERT … SELECT … FROM input(…) FORMAT x: rows follow, which this engine would drop in silence. */
  | { readonly kind: 'input' }
  | { readonly kind: 'rows'; readonly head: InsertHead };

/** Finds the rows in an INSERT. `complete`: nothing follows `text`. */
export function analyzeInsert(text: Uint8Array, complete: boolean): InsertAnalysis {
  const unknown: InsertAnalysis = complete ? { kind: 'none' } : { kind: 'incomplete' };
  let index = 0;
  let settings: Token | undefined;
  let select = false;
  let input = false;
  let previous: Token | undefined;
  let previousWord = '';
  let named = false; // the previous token is the table's name
  for (const token of tokens(text)) {
    // A word that touches the end of an unfinished text may go on.
    if (!complete && token.end === text.length) return unknown;
    const word = tokenText(text, token);
    if (index === 0 && word !== 'INSERT') return { kind: 'none' };
    index++;
    if (word === ';' && token.kind === 'punctuation') return { kind: 'none' };
    if (token.kind === 'word') {
      const startsQuery = token.depth === 0 ? previousWord !== 'INTO' && previousWord !== '.' : previousWord === '(';
      if ((word === 'SELECT' || word === 'WITH') && index > 2 && startsQuery) {
        select = true;
      }
      if (word === 'INPUT' && previousWord === 'FROM') input = true;
      if (token.depth === 0 && word === 'SETTINGS' && !select) settings = token;
      const inTable =
        (previousWord === 'FORMAT' && !named) ||
        previousWord === 'INTO' ||
        previousWord === 'TABLE' ||
        previousWord === '.';
      if (token.depth === 0 && word === 'VALUES' && !select && !inTable) {
        return { kind: 'rows', head: headOf(token, settings, 'Values', token.end) };
      }
    }
    if (
      previous?.kind === 'word' &&
      !named &&
      previousWord === 'FORMAT' &&
      token.depth === 0 &&
      token.kind === 'word'
    ) {
      const name = Buffer.from(text.buffer, text.byteOffset + token.start, token.end - token.start).toString('utf8');
      if (select) return input ? { kind: 'input' } : { kind: 'none' };
      const values = name.toLowerCase() === 'values';
      const data = values ? token.end : dataStart(text, token.end);
      return { kind: 'rows', head: headOf(previous, settings, name, data) };
    }
    named = previousWord === 'INTO' || previousWord === 'TABLE' || previousWord === '.';
    previous = token;
    previousWord = token.kind === 'string' ? '' : word;
  }
  if (index === 0) return unknown;
  return unknown;
}

function headOf(formatToken: Token, settings: Token | undefined, format: string, data: number): InsertHead {
  const source = settings?.start ?? formatToken.start;
  return { source, settings: [source, formatToken.start], format, data };
}

/** Rows begin after the format's name, its trailing blanks and one line end (ParserInsertQuery does the same). */
function dataStart(text: Uint8Array, from: number): number {
  let at = from;
  while (text[at] === 32 || text[at] === 9 || text[at] === 12) at++;
  if (text[at] === 13 && text[at + 1] === 10) at++;
  if (text[at] === 10) at++;
  return at;
}
