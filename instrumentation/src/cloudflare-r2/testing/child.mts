/*
 * Runs the shapes with one installed copy of the AWS SDK, in a process of its own, and prints the results as JSON.
 *   node [--require register.js] child.mts <folder with node_modules/@aws-sdk> <cjs|esm> <url of the stand-in>
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runShapes } from './shapes.mts';

const [folder = '', format = 'cjs', url = ''] = process.argv.slice(2);
const require = createRequire(join(folder, 'package.json'));
const names = ['@aws-sdk/client-s3', '@aws-sdk/lib-storage', '@aws-sdk/s3-request-presigner'];

const lib: Record<string, unknown> = {};
// As an application imports it: the hooks go by the specifier.
const entry = join(folder, 'entry.mjs');
if (format === 'esm' && existsSync(entry)) Object.assign(lib, await import(pathToFileURL(entry).href));
else {
  for (const name of names) {
    try {
      Object.assign(lib, format === 'esm' ? await import(name) : require(name));
    } catch (error) {
      // This workspace has no presigner.
      if (!/MODULE_NOT_FOUND$/.test((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
}
process.stdout.write(`${JSON.stringify(await runShapes(lib, url))}\n`);
