import { diag } from '@opentelemetry/api';
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
}

/**
 * The prices of this process: the user's file over the project's overlay over genai-prices (docs/prices.md).
 * Never throws: what is wrong with the user's file is logged once and kept in `problems`; the rest of it is used.
 */
export function loadPriceBook(options: PriceBookOptions = {}): PriceBook {
  const path = options.userFile ?? process.env.CLIENT_COST_PRICES;
  const base = `genai-prices@${LIBRARY_VERSION}+overlay.${OVERLAY_VERSION}`;
  if (path === undefined || path.trim() === '') return new LayeredPriceBook(base, undefined, []);
  const user = readUserFile(path);
  const problems = user.problems.map((problem) => `${path}: ${problem.path}: ${problem.message}`);
  if (problems.length > 0) diag.error(complaint(path, problems, user.digest !== undefined));
  if (user.digest === undefined) return new LayeredPriceBook(base, undefined, problems);
  return new LayeredPriceBook(`${base}+user.${user.digest}`, new PriceLayer(user.entries, user.rates), problems);
}

const SHOWN = 10;

function complaint(path: string, problems: readonly string[], readable: boolean): string {
  const what = readable ? 'the entries named here are ignored, the others are used' : 'the whole file is ignored';
  const more = problems.length > SHOWN ? `\n  and ${problems.length - SHOWN} more` : '';
  return `client-cost: price file ${path}: ${what}:\n  ${problems.slice(0, SHOWN).join('\n  ')}${more}`;
}
