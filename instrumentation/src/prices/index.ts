import { environment } from '../environment.ts';
import { logError } from '../log.ts';
import { LayeredPriceBook, type PriceBook } from './book.ts';
import { PriceLayer } from './layer.ts';
import { LIBRARY_VERSION } from './library.ts';
import { OVERLAY_VERSION } from './overlay.ts';
import { readUserFile } from './user-file.ts';

export type { PriceBook, PriceRequest } from './book.ts';
export type { Problem } from './entry.ts';
export { validatePriceFile } from './user-file.ts';

export interface PriceBookOptions {
  /** Path of the user's price file; default: the environment variable `CLIENT_COST_PRICES`, if set. */
  readonly userFile?: string | undefined;
  /**
   * Path of the file of HTTP APIs, whose `prices` count after the user's file; default: the environment variable
   * `CLIENT_COST_HTTP_PROVIDERS`, if set.
   */
  readonly providersFile?: string | undefined;
}

/**
 * The prices of this process: the user's file over the project's overlay over genai-prices (docs/prices.md).
 * Never throws: what is wrong with the user's file is logged once and kept in `problems`; the rest of it is used.
 */
export function loadPriceBook(options: PriceBookOptions = {}): PriceBook {
  const base = `genai-prices@${LIBRARY_VERSION}+overlay.${OVERLAY_VERSION}`;
  const files = [
    // In front: of two lines that say the same, the later one wins.
    read('http', options.providersFile ?? environment().CLIENT_COST_HTTP_PROVIDERS),
    read('user', options.userFile ?? environment().CLIENT_COST_PRICES),
  ].filter((file) => file !== undefined);
  const problems = files.flatMap((file) => file.problems);
  const used = files.filter((file) => file.version !== undefined);
  if (used.length === 0) return new LayeredPriceBook(base, undefined, problems);
  const entries = used.flatMap((file) => file.prices.entries);
  const rates = used.flatMap((file) => file.prices.rates ?? []);
  const version = [base, ...used.map((file) => file.version)].join('+');
  return new LayeredPriceBook(version, new PriceLayer(entries, rates), problems);
}

/** One file of the user's; undefined where there is none, or none with prices. */
function read(kind: 'http' | 'user', given: string | undefined) {
  const path = given?.trim() ?? '';
  if (path === '') return undefined;
  const prices = readUserFile(path, kind === 'http');
  if (prices === undefined) return undefined;
  const problems = prices.problems.map((problem) => `${path}: ${problem.path}: ${problem.message}`);
  if (problems.length > 0) logError(complaint(path, problems, prices.digest !== undefined));
  return { prices, problems, version: prices.digest === undefined ? undefined : `${kind}.${prices.digest}` };
}

const SHOWN = 10;

function complaint(path: string, problems: readonly string[], readable: boolean): string {
  const what = readable ? 'the entries named here are ignored, the others are used' : 'the whole file is ignored';
  const more = problems.length > SHOWN ? `\n  and ${problems.length - SHOWN} more` : '';
  return `client-cost: price file ${path}: ${what}:\n  ${problems.slice(0, SHOWN).join('\n  ')}${more}`;
}
