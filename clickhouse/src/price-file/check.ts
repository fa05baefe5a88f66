import { readFileSync } from 'node:fs';
import { validatePriceFile } from '@client-cost/instrumentation/ledger';
import { type Position, PositionedJson } from './positions.ts';

export interface PriceFileProblem extends Position {
  /** `prices[3].usd_per_million.input`; empty where the text is no JSON. */
  readonly path: string;
  readonly message: string;
}

export interface PriceFileCheck {
  readonly prices: number;
  readonly exchangeRates: number;
  /** In the order of the file. */
  readonly problems: readonly PriceFileProblem[];
}

/**
 * Checks a user's price file: every problem with its line and column.
 *
 * @throws the file system's error when the file cannot be read
 */
export function checkPriceFile(file: string): PriceFileCheck {
  return checkPriceText(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''));
}

/** As {@link checkPriceFile}, for the file's content. */
export function checkPriceText(text: string): PriceFileCheck {
  const json = new PositionedJson(text);
  if (json.errors.length > 0) {
    return {
      prices: 0,
      exchangeRates: 0,
      problems: json.errors.map((error) => ({ path: '', ...error, message: `is not JSON: ${error.message}` })),
    };
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    return {
      prices: 0,
      exchangeRates: 0,
      problems: [{ path: '', line: 1, column: 1, message: `is not JSON: ${(error as Error).message}` }],
    };
  }
  // A text that begins with neither { nor [ would be taken for a path.
  const known = typeof content === 'object' && content !== null ? validatePriceFile(text) : [];
  const problems: PriceFileProblem[] = known.map(({ path, message }) => ({
    ...(path === '(file)'
      ? { line: 1, column: 1 }
      : json.find(path, message.startsWith('is not known') ? 'name' : 'value')),
    path: path === '(file)' ? '' : path,
    message,
  }));
  if (typeof content !== 'object' || content === null) {
    problems.push({ path: '', line: 1, column: 1, message: 'expected {"prices": [...]} or a list of prices' });
  }
  if (json.tooDeep) {
    const message = 'is nested too deeply for the places of its values to be found';
    problems.unshift({ path: '', line: 1, column: 1, message });
  }
  problems.push(...json.duplicates().map(({ name, ...problem }) => ({ ...problem, path: name })));
  const list = Array.isArray(content) ? content : member(content, 'prices');
  return {
    prices: list.length,
    exchangeRates: member(content, 'exchange_rates').length,
    problems: problems.sort((a, b) => a.line - b.line || a.column - b.column),
  };
}

function member(content: unknown, name: string): readonly unknown[] {
  const value =
    typeof content === 'object' && content !== null ? (content as Record<string, unknown>)[name] : undefined;
  return Array.isArray(value) ? value : [];
}
