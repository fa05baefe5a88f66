/*
 * Runs the shapes with one installed copy of stripe, in a process of its own, and prints the results as JSON.
 *   node [--require …/dist/register.js] child.mts <file to require or import from> <cjs|esm> [shape …]
 * For ESM the file is one that exports the package's default.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { runShapes, SHAPES } from './shapes.mts';

const [from = '', format = 'cjs', ...only] = process.argv.slice(2);
const watched = (globalThis as Record<symbol, unknown>)[Symbol.for('client-cost registered')] === true;
let recorded = 0;
if (watched) {
  const { getRecorder, setRecorder } = createRequire(import.meta.url)('../../../dist/recorder/index.js');
  const recorder = getRecorder();
  setRecorder({
    priceBook: () => recorder.priceBook(),
    start(call: unknown) {
      const started = recorder.start(call);
      const end = (said: unknown) => {
        recorded += 1;
        started.end(said);
      };
      return { ...started, end };
    },
  });
}
const Stripe = format === 'esm' ? (await import(pathToFileURL(from).href)).default : createRequire(from)('stripe');
const results: Record<string, unknown> = {};
const counts: Record<string, number> = {};
for (const name of only.length > 0 ? only : Object.keys(SHAPES)) {
  recorded = 0;
  Object.assign(results, await runShapes(Stripe, name));
  counts[name] = recorded;
}
process.stdout.write(`${JSON.stringify({ watched, version: Stripe.PACKAGE_VERSION, results, counts })}\n`);
process.exit(0);
