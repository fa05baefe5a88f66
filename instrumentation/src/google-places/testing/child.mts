/*
 * Runs the shapes in a process of its own and prints their results as JSON: `node [--require register.js] child.mts <cjs|esm> <url> <grpc port> [folder with the packages]`.
 * Each runs as a client of its own name, by which the parent finds what was recorded of it.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Env, SHAPES } from './shapes.mts';

const [format = 'cjs', url = '', port = '0', folder] = process.argv.slice(2);
const { withClient } = createRequire(import.meta.url)('../../../dist/index.js');
// As an application in that folder has them: the hooks go by the specifier.
const require = createRequire(folder === undefined ? import.meta.url : join(folder, 'package.json'));
const load = async (name: string) => {
  if (format !== 'esm') return require(name);
  return folder === undefined ? import(name) : (await import(pathToFileURL(join(folder, 'entry.mjs')).href)).load(name);
};
const axios = await load('axios');
const env: Env = {
  url,
  grpcPort: Number(port),
  places: await load('@googlemaps/places'),
  placesFile: require.resolve('@googlemaps/places'),
  services: await load('@googlemaps/google-maps-services-js'),
  axios: axios.default ?? axios,
};
const results: Record<string, unknown> = {};
/** Some versions leave rejections behind that no caller could catch: the same ones with and without us. */
const stray: string[] = [];
process.on('unhandledRejection', (error) => void stray.push(String((error as Error)?.message)));
for (const [name, { run }] of Object.entries(SHAPES)) {
  results[name] = await withClient(name, () => run(env)).catch((error: unknown) => ({ threw: String(error) }));
}
results['rejections that nobody caught'] = stray;
process.stdout.write(`${JSON.stringify(results)}\n`);
