import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type ParsedPrices, type Problem, parsePrices } from './entry.ts';

/** A user's price file as read: what of it can be used, and what is wrong with the rest. */
export interface UserPrices extends ParsedPrices {
  /** First 8 hex digits of the content's sha256; undefined when nothing could be read. */
  readonly digest: string | undefined;
}

/** Reads a price file. Never throws: a file that cannot be read or parsed has no entries and one problem. */
export function readUserFile(path: string): UserPrices {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return broken(`cannot be read: ${(error as Error).message}`);
  }
  return parseUserText(text);
}

/** As {@link readUserFile}, for the file's content. */
export function parseUserText(text: string): UserPrices {
  let content: unknown;
  try {
    content = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    return broken(`is not JSON: ${(error as Error).message}`);
  }
  return { ...parsePrices(content), digest: createHash('sha256').update(text).digest('hex').slice(0, 8) };
}

function broken(message: string): UserPrices {
  return { entries: [], problems: [{ path: '(file)', message }], digest: undefined };
}

/**
 * What is wrong with a price file: an empty list when every entry is usable.
 * @param file a path, or the content itself (recognized by its first character, `{` or `[`)
 */
export function validatePriceFile(file: string): Problem[] {
  const isContent = /^\uFEFF?\s*[{[]/.test(file);
  return [...(isContent ? parseUserText(file) : readUserFile(file)).problems];
}
