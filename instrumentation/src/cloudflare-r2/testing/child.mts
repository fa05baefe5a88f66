/*
 * Runs the shapes with one installed copy of the AWS SDK, in a process of its own, and prints the results as JSON.
 *   node [--require register.js] child.mts <folder with node_modules/@aws-sdk> <cjs|esm> <url of the stand-in>
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { runShapes } from './shapes.mts';

const [folder = '', format = 'cjs', url = ''] = process.argv.slice(2);
const require = createRequire(join(folder, 'package.json'));
const names = ['@aws-sdk/client-s3', '@aws-sdk/lib-storage', '@aws-sdk/s3-request-presigner'];

const lib: Record<string, unknown> = {};
for (const name of names) {
  try {
    // The bare specifier, as an application writes it, where the copy is the one that this folder resolves.
    const exports =
      format === 'cjs'
        ? require(name)
        : await import(import.meta.resolve(name).includes(folder) ? name : require.resolve(name));
    for (const key of Object.keys(exports)) lib[key] ??= exports[key];
  } catch (error) {
    if (
      (error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND' &&
      (error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND'
    )
      throw error;
  }
}
process.stdout.write(`${JSON.stringify(await runShapes(lib, url))}\n`);
