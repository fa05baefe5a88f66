import { isDeepStrictEqual } from 'node:util';
import { type Cell, type Column, fieldType } from '../../grafana/src/plugin/frame.ts';
import type { Times } from './grafana-times.ts';

/** ClickHouse's answer in the format JSONCompact. */
export interface Answer {
  readonly meta: readonly Column[];
  readonly data: readonly (readonly unknown[])[];
}

export type ExpectedCell =
  | Cell
  | { readonly near: number | string; readonly by: number }
  | { readonly from: number | string; readonly to: number | string }
  | { readonly like: string }
  | { readonly any: true };

/** What a query must answer; test/e2e/grafana/README.md. */
export interface ExpectedRows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly ExpectedCell[])[];
  readonly unordered?: boolean;
}

const TOLERANCE = 1e-9;
const close = (a: number, b: number, by: number): boolean => Math.abs(a - b) <= by;

function utc(text: string): number {
  const ms = Date.parse(
    text.includes(':') ? `${text.replace(' ', 'T').replace(/(\.\d{3})\d+$/, '$1')}Z` : `${text}T00:00:00Z`,
  );
  if (Number.isNaN(ms)) throw new Error(`${text} is no time`);
  return ms;
}

/** Cells as the plugin gives them to a panel: numbers, texts, times in milliseconds. */
export function cellsOf({ meta, data }: Answer): Cell[][] {
  const types = meta.map(fieldType);
  return data.map((row) =>
    row.map((value, index): Cell => {
      if (value === null || value === undefined) return null;
      const type = types[index];
      if (type === 'number') return Number(value);
      if (type === 'time') return utc(String(value));
      return type === 'boolean' ? Boolean(value) : type === 'string' ? String(value) : JSON.stringify(value);
    }),
  );
}

function matches(actual: Cell, expected: ExpectedCell, isTime: boolean, times: Times): boolean {
  if (expected === null || typeof expected === 'boolean') return actual === expected;
  const number = (value: number | string): number => {
    if (typeof value === 'number') return value;
    return value.startsWith('=') ? times.formula(value) : times.at(value);
  };
  if (typeof expected === 'object') {
    if ('any' in expected) return actual !== null;
    if ('like' in expected) return new RegExp(times.fill(expected.like)).test(String(actual));
    if (typeof actual !== 'number') return false;
    if ('near' in expected) return close(actual, number(expected.near), expected.by);
    return actual >= number(expected.from) && actual <= number(expected.to);
  }
  if (typeof actual === 'number') {
    const wanted = isTime && typeof expected === 'string' && !expected.startsWith('=') ? times.at(expected) : expected;
    if (typeof wanted === 'string' && !wanted.startsWith('=')) return false;
    const value = number(wanted);
    return close(actual, value, TOLERANCE * Math.max(1, Math.abs(value)));
  }
  return typeof expected === 'string' && actual === times.fill(expected);
}

const shown = (cells: readonly Cell[], isTime: readonly boolean[], times: Times): Cell[] =>
  cells.map((cell, index) => (isTime[index] === true && typeof cell === 'number' ? times.describe(cell) : cell));

/** An answer in the form of expected.json, to be checked by hand. */
export function printed(answer: Answer, times: Times): string {
  const isTime = answer.meta.map((column) => fieldType(column) === 'time');
  const rows = cellsOf(answer).map((row) => `      ${JSON.stringify(shown(row, isTime, times))}`);
  const columns = JSON.stringify(answer.meta.map(({ name }) => name));
  return `{ "columns": ${columns}, "rows": [${rows.length === 0 ? '' : `\n${rows.join(',\n')}\n    `}] }`;
}

/** How an answer differs from what is expected, in one text; undefined when it does not. */
export function difference(answer: Answer, expected: ExpectedRows, times: Times): string | undefined {
  const names = answer.meta.map(({ name }) => name);
  if (!isDeepStrictEqual(names, [...expected.columns])) {
    return `columns ${JSON.stringify(names)}, expected ${JSON.stringify(expected.columns)}\n${printed(answer, times)}`;
  }
  const isTime = answer.meta.map((column) => fieldType(column) === 'time');
  const left = cellsOf(answer).map((row, index) => ({ row, index }));
  const same = (row: readonly Cell[], wanted: readonly ExpectedCell[]): boolean =>
    row.length === wanted.length &&
    row.every((cell, index) => matches(cell, wanted[index] as ExpectedCell, isTime[index] === true, times));
  const missing: string[] = [];
  for (const [at, wanted] of expected.rows.entries()) {
    const found = left.findIndex(
      ({ row, index }) => (expected.unordered === true || index === at) && same(row, wanted),
    );
    if (found === -1) missing.push(JSON.stringify(wanted));
    else left.splice(found, 1);
  }
  if (missing.length === 0 && left.length === 0) return undefined;
  const extra = left.map(({ row, index }) => `  row ${index}: ${JSON.stringify(shown(row, isTime, times))}`);
  return [
    ...(missing.length > 0 ? ['expected, but not there:', ...missing.map((row) => `  ${row}`)] : []),
    ...(extra.length > 0 ? ['there, but not expected:', ...extra] : []),
  ].join('\n');
}
