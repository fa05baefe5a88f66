/*
 * Runs the shapes with one installed copy of openai, in a process of its own, and prints the results as JSON.
 *   node child.mts <folder with node_modules/openai> <cjs|esm> <bare|watched|asked>
 * Uses the built package: an application loads nothing else.
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
  const { OpenAIInstrumentation } = dist('./openai/index.js');
  const { context, trace, INVALID_SPAN_CONTEXT } = dist('@opentelemetry/api');
  dist('./recorder/index.js').setRecorder({
    start(call: CallStart) {
      started.push(call);
      const span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
      return { context: context.active(), span, end: (end: CallEnd) => void ended.push(end) };
    },
  });
  new OpenAIInstrumentation(mode === 'asked' ? { providerHosts: { '127.0.0.1': 'openai' } } : {});
  if (format === 'esm') dist('./esm-hooks.js').hookEsmImports(['openai']);
}

const lib =
  format === 'esm'
    ? await import(pathToFileURL(join(folder, 'entry.mjs')).href)
    : createRequire(join(folder, 'package.json'))('openai');
const results: Record<string, unknown> = {};
/** Shapes whose call was not over when nobody used it any more: the end of the process ends them. */
const left: string[] = [];
for (const name of Object.keys(SHAPES)) {
  const open = started.length - ended.length;
  Object.assign(results, await runShapes(lib, name));
  await new Promise((resolve) => setTimeout(resolve, 20));
  if (started.length - ended.length > open) left.push(name);
}
if (mode !== 'bare') dist('./instrument/abandoned.js').endOpenCalls();
const printed = `${JSON.stringify({ results, started: started.length, ended: ended.length, left })}\n`;
// A pipe takes 64 KiB at once: an exit in between would cut it off.
process.stdout.write(printed, () => process.exit(0));
