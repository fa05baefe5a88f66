import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type ParsedPrices, type Problem, parsePrices } from './entry.ts';

/** A user's price file as read: what of it can be used, and what is wrong with the rest. */
export interface UserPrices extends ParsedPrices {
  /** First 8 hex digits of the content's sha256; undefined when nothing could be read. */
  readonly digest: string | undefined;
}

/** Reads a price file. Never throws: a file that cannot be read or parsed has no entries and one problem. */
export function readUserFile(path: string): UserPrices;
/**
 * @param optional the file is about something else (`providers`) and may hold prices beside it: undefined where it holds
 *   none, or cannot be read, which whoever it is for says
 */
export function readUserFile(path: string, optional: boolean): UserPrices | undefined;
export function readUserFile(path: string, optional = false): UserPrices | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return optional ? undefined : broken(`cannot be read: ${(error as Error).message}`);
  }
  return optional ? parseProvidersPrices(text) : parseUserText(text);
}

/** The prices that stand beside `providers`. */
function parseProvidersPrices(text: string): UserPrices | undefined {
  let content: { prices?: unknown; exchange_rates?: unknown } | null;
  try {
    content = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
  if (content?.prices === undefined && content?.exchange_rates === undefined) return undefined;
  return { ...parsePrices({ prices: [], ...content }), digest: digestOf(text) };
}

/** As {@link readUserFile}, for the file's content. */
export function parseUserText(text: string): UserPrices {
  let content: unknown;
  try {
    content = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    return broken(`is not JSON: ${(error as Error).message}`);
  }
  return { ...parsePrices(content), digest: digestOf(text) };
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
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
