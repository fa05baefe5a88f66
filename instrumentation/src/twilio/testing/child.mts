/*
 * Runs the shapes with one installed copy of twilio, in a process of its own, and prints the results as JSON.
 *   node [--require dist/register.js] child.mts <folder with node_modules/twilio> <cjs|esm> <bare|watched>
 * Uses the built package, as an application does: `register` patches.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CallEnd, CallStart } from '../../types.ts';
import { runShapes, SHAPES } from './shapes.mts';

const [folder = '', format = 'cjs', mode = 'bare'] = process.argv.slice(2);
const dist = createRequire(new URL('../../../dist/index.js', import.meta.url));
const started: CallStart[] = [];
const ended: CallEnd[] = [];

if (mode !== 'bare') {
  const { context, trace, INVALID_SPAN_CONTEXT } = dist('@opentelemetry/api');
  dist('./index.js').setRecorder({
    start(call: CallStart) {
      started.push(call);
      const span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
      return {
        id: `id${started.length}`,
        context: context.active(),
        span,
        end: (end: CallEnd) => void ended.push(end),
      };
    },
  });
}

const lib =
  format === 'esm'
    ? await import(pathToFileURL(join(folder, 'entry.mjs')).href)
    : createRequire(join(folder, 'package.json'))('twilio');
const results: Record<string, unknown> = {};
const counts: Record<string, number> = {};
for (const name of Object.keys(SHAPES)) {
  const before = ended.length;
  Object.assign(results, await runShapes(lib, name));
  counts[name] = ended.length - before;
}
process.stdout.write(`${JSON.stringify({ results, counts, started: started.length, ended: ended.length })}\n`);
process.exit(0);
