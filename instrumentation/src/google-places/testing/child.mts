/*
 * Runs the shapes in a process of its own and prints their results as JSON: `node [--require register.js] child.mts <cjs|esm> <url> <grpc port>`.
 * Each runs as a client of its own name, by which the parent finds what was recorded of it.
 */
import { createRequire } from 'node:module';
import { type Env, SHAPES } from './shapes.mts';

const [format = 'cjs', url = '', port = '0'] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const { withClient } = require('../../../dist/index.js');
const load = async (name: string) => (format === 'esm' ? import(name) : require(name));
const axios = await load('axios');
const env: Env = {
  url,
  grpcPort: Number(port),
  places: await load('@googlemaps/places'),
  services: await load('@googlemaps/google-maps-services-js'),
  axios: axios.default ?? axios,
};
const results: Record<string, unknown> = {};
for (const [name, { run }] of Object.entries(SHAPES)) {
  results[name] = await withClient(name, () => run(env)).catch((error: unknown) => ({ threw: String(error) }));
}
process.stdout.write(`${JSON.stringify(results)}\n`);
