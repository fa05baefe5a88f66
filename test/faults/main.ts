/**
 * The long form of the fault suite: `npm run faults [-- --only <id or hop>,… --form short --seed n --times n --no-page]`.
 * Each fault runs in a process of its own; the outcomes go to docs/faults.json and from there into the table of docs/reliability.md. A run of
 * some of them replaces their lines and leaves the others.
 */
import { parseArgs } from 'node:util';
import { catalogue } from './support/catalogue.ts';
import { inChild } from './support/child.ts';
import type { Form } from './support/fault.ts';
import { type Result, writePage } from './support/page.ts';
import { broken, DEFAULT_SEED, runFault } from './support/run.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    form: { type: 'string', default: 'long' },
    seed: { type: 'string', default: String(DEFAULT_SEED) },
    times: { type: 'string' },
    'no-page': { type: 'boolean', default: false },
    /** Inside: run this one here and print its outcome. */
    one: { type: 'string' },
  },
});
const form: Form = values.form === 'short' ? 'short' : 'long';
const seed = Number(values.seed);
const times = values.times === undefined ? {} : { times: Number(values.times) };
const { faults: all, broken: unloadable } = await catalogue();

if (values.one === undefined) process.exitCode = await runAll();
else await runOne(values.one);

async function runAll(): Promise<number> {
  const wanted = values.only === '' ? undefined : values.only.split(',');
  const unknown = wanted?.filter((name) => !all.some(({ id, hop }) => id === name || hop === name)) ?? [];
  if (unknown.length > 0) {
    console.error(
      `No fault and no hop is called ${unknown.join(', ')}. There are: ${all.map(({ id }) => id).join(', ')}`,
    );
    return 2;
  }
  const chosen = all.filter(({ id, hop, times }) =>
    wanted ? wanted.includes(id) || wanted.includes(hop) : times[form] > 0,
  );
  const results: Result[] = [];
  let failed = unloadable.length;
  for (const { file, error } of unloadable) console.log(`${file} cannot be loaded: ${error.message}`);
  for (const fault of chosen) {
    const begun = performance.now();
    const outcome = await inChild(fault, { form, seed, ...times }, (line) => console.log(line));
    const seconds = Math.round((performance.now() - begun) / 1000);
    const words = typeof outcome === 'string' ? [outcome] : broken(outcome);
    if (words.length > 0) failed++;
    if (typeof outcome !== 'string')
      results.push({ id: fault.id, date: new Date().toISOString().slice(0, 10), form, seed, seconds, outcome });
    const { tries = 0, events = 0, remark = '' } = typeof outcome === 'string' ? {} : outcome;
    const verdict = words.length === 0 ? 'held' : `BROKEN: ${words.slice(0, 5).join('; ')}`;
    console.log(
      `${fault.hop} · ${fault.id}: ${tries} tries, ${events} events, ${seconds} s: ${verdict}${remark === '' ? '' : ` (${remark})`}`,
    );
  }
  if (!values['no-page'] && form === 'long') writePage(all, results);
  console.log(
    `\n${chosen.length + unloadable.length - failed} of ${chosen.length + unloadable.length} faults: nothing lost, nothing doubled`,
  );
  return failed === 0 ? 0 : 1;
}

async function runOne(id: string): Promise<void> {
  const fault = all.find((candidate) => candidate.id === id)!;
  const outcome = await runFault(fault, { form, seed, ...times, log: (line) => console.log(`  ${line}`) });
  console.log(JSON.stringify({ outcome }));
  process.exit(0);
}
