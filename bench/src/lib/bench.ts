/** What every bench gets. */
export interface BenchContext {
  /** A short form for CI: fewer rounds, the same code paths; its figures are not written to the page. */
  readonly quick: boolean;
  readonly log: (line: string) => void;
}

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface BenchResult {
  readonly table: Table;
  /** How it was measured and what the figures do not say: one paragraph. */
  readonly method: string;
  readonly targets: readonly Target[];
}

export interface Target {
  readonly name: string;
  readonly measured: string;
  readonly met: boolean;
}

/** One bench, one file; `main.ts` lists them. */
export interface Bench {
  /** Short name for the command line. */
  readonly name: string;
  readonly title: string;
  run(context: BenchContext): Promise<BenchResult>;
}

/** A GitHub table. */
export function markdownTable({ columns, rows }: Table): string {
  const widths = columns.map((column, i) => Math.max(column.length, ...rows.map((row) => (row[i] ?? '').length)));
  const line = (cells: readonly string[]) => `| ${widths.map((w, i) => (cells[i] ?? '').padEnd(w)).join(' | ')} |`;
  return [line(columns), `| ${widths.map((w) => '-'.repeat(w)).join(' | ')} |`, ...rows.map(line)].join('\n');
}
