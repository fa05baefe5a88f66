/**
 * `npm run bench [-- --quick] [-- name …]`: runs the benches, prints their tables and writes docs/benchmarks.md.
 * A later bench is one more file and one more line in BENCHES.
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { cpuBench } from './cpu/index.ts';
import { fsyncBench } from './fsync/index.ts';
import { type Bench, type BenchResult, markdownTable } from './lib/bench.ts';
import { machine } from './lib/machine.ts';
import { writeSection } from './lib/page.ts';
import { loadBench } from './load/index.ts';
import { microBench } from './micro/index.ts';
import { pipelineBench } from './pipeline/index.ts';
import { providersBench } from './providers/index.ts';
import { reportBench } from './report/index.ts';

const BENCHES: readonly Bench[] = [
  cpuBench,
  providersBench,
  loadBench,
  microBench,
  fsyncBench,
  pipelineBench,
  reportBench,
];

const HELP = `npm run bench [-- [--quick] [--no-write] [name …]]

Runs the benches and writes their tables to docs/benchmarks.md.

  name         only these: ${BENCHES.map((bench) => bench.name).join(', ')}
  --quick      short rounds, for CI: every code path, no figures written
  --no-write   print only
  --help       this text

Exits 1 when a bench fails; a target that is missed is said, not an error (figures depend on the machine).`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    'no-write': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const unknown = positionals.filter((name) => !BENCHES.some((bench) => bench.name === name));
if (unknown.length > 0) {
  console.error(`No such bench: ${unknown.join(', ')}\n\n${HELP}`);
  process.exit(2);
}

// Figures of a busy machine must say so: the load before the benches began.
const where = `${machine()}, load average ${loadavg()[0]!.toFixed(1)} before the run`;
console.log(where);
let failed = false;
for (const bench of BENCHES) {
  if (positionals.length > 0 && !positionals.includes(bench.name)) continue;
  console.log(`\n${bench.title}`);
  try {
    const result = await bench.run({ quick: values.quick, log: (line) => console.log(line) });
    const text = section(bench, result);
    console.log(`\n${text}`);
    if (!values.quick && !values['no-write']) writeSection(bench.name, text);
  } catch (error) {
    failed = true;
    console.error(`${bench.name} failed: ${error instanceof Error ? error.stack : error}`);
  }
}
process.exitCode = failed ? 1 : 0;

function section(bench: Bench, { table, method, targets }: BenchResult): string {
  const lines = targets.map(({ name, measured, met }) => `- ${met ? 'met' : '**missed**'}: ${name}: ${measured}`);
  const title = `## ${bench.title}`;
  const measuredOn = `_${where}, ${new Date().toISOString().slice(0, 10)}_`;
  return [
    title,
    '',
    measuredOn,
    '',
    markdownTable(table),
    '',
    ...(lines.length > 0 ? [...lines, ''] : []),
    method,
  ].join('\n');
}
