import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { CataloguedFault } from './catalogue.ts';
import type { Form, Outcome } from './fault.ts';

const docs = join(import.meta.dirname, '..', '..', '..', 'docs');
const recordPath = join(docs, 'faults.json');
const pagePath = join(docs, 'reliability.md');
const BEGIN = '<!-- faults: written by npm run faults -->';
const END = '<!-- /faults -->';

/** One run of one fault. */
export interface Result {
  readonly id: string;
  /** UTC, YYYY-MM-DD. */
  readonly date: string;
  readonly form: Form;
  readonly seed: number;
  readonly seconds: number;
  readonly outcome: Outcome;
}

/** What the last long runs came to. */
export function readResults(): Result[] {
  return existsSync(recordPath) ? (JSON.parse(readFileSync(recordPath, 'utf8')) as Result[]) : [];
}

/** The table of docs/reliability.md. */
export function table(faults: readonly CataloguedFault[], results: readonly Result[]): string {
  const number = (value: number) => value.toLocaleString('en-US');
  const lines = faults
    .filter(({ times }) => times.long > 0)
    .map(({ id, hop, fault, file }) => {
      const link = `[${id}](${relative(docs, join(docs, '..', file))})`;
      const result = results.find((candidate) => candidate.id === id);
      if (result === undefined) return `| ${hop} | ${fault} (${link}) | not run yet | | | | | | |`;
      const { tries, events, lost, doubled, wrong = [], remark = '' } = result.outcome;
      const counts = [tries, events, lost, doubled, wrong.length].map(number);
      return `| ${hop} | ${fault} (${link}) | ${counts.join(' | ')} | ${remark.replaceAll('|', '\\|')} | ${result.date} |`;
    });
  const head = '| hop | fault | times tried | events | lost | doubled | otherwise wrong | | date |';
  return [head, '| --- | --- | --: | --: | --: | --: | --: | --- | --- |', ...lines].join('\n');
}

/** Puts new results beside the earlier ones and writes the table anew. */
export function writePage(faults: readonly CataloguedFault[], fresh: readonly Result[]): void {
  const known = new Set(faults.map(({ id }) => id));
  const kept = readResults().filter(({ id }) => known.has(id) && !fresh.some((result) => result.id === id));
  const results = [...kept, ...fresh].sort((a, b) => (a.id < b.id ? -1 : 1));
  writeFileSync(recordPath, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(pagePath, withTable(readFileSync(pagePath, 'utf8'), table(faults, results)));
}

/** The page with another table between its marks. Throws where it has no marks. */
export function withTable(page: string, text: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`${pagePath} lacks the marks ${BEGIN} … ${END}`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${page.slice(end)}`;
}
