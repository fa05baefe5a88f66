/*
 * Every way to call the Places API, with and without the instrumentation, on the oldest and newest version of each supported
 * major of @googlemaps/places and of @googlemaps/google-maps-services-js, as CommonJS and as ESM. Needs the build and, the
 * first time, the npm registry.
 *   npm run matrix:google-places [-- places services …]
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { createGooglePlacesGrpcStandIn } from '../examples/src/stand-ins/google-places/grpc.ts';
import { createGooglePlacesStandIn } from '../examples/src/stand-ins/google-places/index.ts';
import { recordedOf, runShapes } from '../instrumentation/src/google-places/testing/run.mts';
import { SHAPES } from '../instrumentation/src/google-places/testing/shapes.mts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const CACHE = join(ROOT, 'node_modules', '.cache', 'google-places-matrix');
const VERSIONS = ['2.0.0', '3.3.0', '2.5.0', '3.4.2', '3.0.0', '3.4.2'];
const ENTRY = `import * as axios from 'axios';
import * as services from '@googlemaps/google-maps-services-js';
import * as places from '@googlemaps/places';
const all = { axios, '@googlemaps/google-maps-services-js': services, '@googlemaps/places': places };
export const load = (name) => all[name];
`;

function install(places: string, services: string): string {
  const folder = join(CACHE, `${places}-${services}`);
  if (existsSync(join(folder, 'node_modules', '@googlemaps', 'places', 'package.json'))) return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
  writeFileSync(join(folder, 'entry.mjs'), ENTRY);
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  const packages = [`@googlemaps/places@${places}`, `@googlemaps/google-maps-services-js@${services}`, 'axios@1'];
  execFileSync('npm', ['install', ...flags, '--save-exact', ...packages], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return folder;
}

// biome-ignore lint/suspicious/noExplicitAny: OTLP/JSON as it comes
type Json = any;

/** Usage events as they arrive over OTLP/HTTP, with their attributes. */
const logs: { attributes: Record<string, unknown> }[] = [];
const sink = createServer(async (request, response) => {
  let text = '';
  for await (const chunk of request) text += chunk;
  for (const { scopeLogs } of (JSON.parse(text) as Json).resourceLogs ?? []) {
    for (const record of scopeLogs.flatMap((scope: Json) => scope.logRecords)) {
      const pairs = record.attributes.map(({ key, value }: Json) => [key, Object.values(value)[0]]);
      logs.push({ attributes: Object.fromEntries(pairs) });
    }
  }
  response.setHeader('content-type', 'application/json').end('{}');
});

/** Calls that the stand-in refuses: always, or twice. */
function failures(): (method: string, request: Readonly<Record<string, unknown>>) => number | undefined {
  let refused = 0;
  return (_method, { textQuery }) => {
    if (textQuery === 'unavailable') return 14;
    if (textQuery !== 'unavailable twice') return undefined;
    refused = refused === 2 ? 0 : refused + 1;
    return refused === 0 ? undefined : 14;
  };
}

const given = process.argv.length > 3 ? process.argv.slice(2) : VERSIONS;
const rows: Record<string, string>[] = [];
let failed = false;
await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
const endpoint = `http://127.0.0.1:${(sink.address() as AddressInfo).port}`;
const spool = mkdtempSync(join(tmpdir(), 'client-cost-places-'));
const rest = await createGooglePlacesStandIn();
for (let index = 0; index + 1 < given.length; index += 2) {
  const [places = '', services = ''] = given.slice(index, index + 2);
  const folder = install(places, services);
  const file = createRequire(join(folder, 'package.json')).resolve('@googlemaps/places');
  const grpc = await createGooglePlacesGrpcStandIn({ failures: failures() }, file);
  for (const format of ['cjs', 'esm']) {
    process.stderr.write(`places ${places}, services-js ${services}, ${format} …\n`);
    logs.length = 0;
    const at = { rest, grpc, endpoint, spool, folder };
    const bare = await runShapes(format, false, at);
    const watched = await runShapes(format, true, at);
    const lines = recordedOf(logs);
    const names = Object.keys(bare);
    const different = names.filter((name) => !isDeepStrictEqual(bare[name], watched[name]));
    // Versions differ in what they call an error: the number of charges and their SKUs may not.
    const skus = (list: readonly string[] | undefined) =>
      (list ?? []).map((line) => line.split(' ').slice(0, 3).join(' '));
    const wrong = names.filter((name) => !isDeepStrictEqual(skus(lines[name]), skus(SHAPES[name]?.recorded)));
    for (const name of different) {
      process.stderr.write(
        `  "${name}"\n    bare    ${JSON.stringify(bare[name])}\n    watched ${JSON.stringify(watched[name])}\n`,
      );
    }
    for (const name of wrong) {
      process.stderr.write(`  "${name}"\n    recorded ${lines[name]}\n    expected ${SHAPES[name]?.recorded}\n`);
    }
    const of = (bad: readonly string[]) => `${names.length - bad.length}/${names.length}`;
    rows.push({ places, 'services-js': services, format, undisturbed: of(different), recorded: of(wrong) });
    failed ||= different.length + wrong.length > 0;
  }
  await grpc.close();
}
await rest.close();
sink.closeAllConnections();
sink.close();
rmSync(spool, { recursive: true, force: true });
console.table(rows);
if (failed) process.exitCode = 1;
