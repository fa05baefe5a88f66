/*
 * Every way to use the stripe package, with and without `--require @client-cost/instrumentation/register`, on the newest version of each
 * supported major (and the first of some), as CommonJS and as ESM. Needs the build and, the first time, the npm registry.
 *   npm run matrix:stripe [-- version …]
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const CACHE = join(ROOT, 'node_modules', '.cache', 'stripe-matrix');
const CHILD = join(ROOT, 'instrumentation', 'src', 'stripe', 'testing', 'child.mts');
const REGISTER = join(ROOT, 'instrumentation', 'dist', 'register.js');
const VERSIONS = [
  '12.0.0',
  '12.18.0',
  '13.11.0',
  '14.0.0',
  '14.25.0',
  '15.12.0',
  '16.12.0',
  '17.7.0',
  '18.5.0',
  '19.3.1',
  '20.4.1',
  '21.0.1',
  '22.0.0',
  '22.6.2',
  '23.0.0',
  '23.1.0',
];

interface Run {
  readonly watched: boolean;
  readonly results: Record<string, unknown>;
  readonly counts: Record<string, number>;
}

function install(version: string): string {
  const folder = join(CACHE, version);
  if (existsSync(join(folder, 'node_modules', 'stripe', 'package.json'))) return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
  // As an application imports it: the hooks go by the specifier.
  writeFileSync(join(folder, 'entry.mjs'), "export { default } from 'stripe';\n");
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--omit=peer', '--loglevel=error'];
  execFileSync('npm', ['install', ...flags, '--save-exact', `stripe@${version}`], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return folder;
}

const spool = mkdtempSync(join(tmpdir(), 'stripe-matrix-'));

function run(folder: string, format: string, flags: readonly string[]): Run {
  const args = [...flags, '--no-warnings', CHILD, join(folder, 'entry.mjs'), format];
  const env = { ...process.env, CLIENT_COST_SPOOL_DIR: spool, OTEL_SDK_DISABLED: 'true' };
  const printed = execFileSync(process.execPath, args, {
    env,
    encoding: 'utf8',
    timeout: 120_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  return JSON.parse(printed.trim().split('\n').at(-1) ?? '') as Run;
}

/** Shapes that this version does not have. They are the same, and record nothing, in both runs. */
function isMissing(result: unknown): boolean {
  return /is not a function|no callback|"rejected":/.test(JSON.stringify(result));
}

/** Shapes that move no money. */
const FREE = new Set([
  'unknown object',
  'a stream',
  'the package itself',
  'a forged webhook that nobody catches',
  'wrong request',
]);

const versions = process.argv.length > 2 ? process.argv.slice(2) : VERSIONS;
const rows: Record<string, string | number>[] = [];
let failed = false;
for (const version of versions) {
  const folder = install(version);
  for (const format of ['cjs', 'esm']) {
    process.stderr.write(`stripe ${version} ${format} …\n`);
    const bare = run(folder, format, []);
    const watched = run(folder, format, ['--require', REGISTER]);
    const names = Object.keys(bare.results);
    const different = names.filter((name) => !isDeepStrictEqual(bare.results[name], watched.results[name]));
    for (const name of different) {
      process.stderr.write(
        `  "${name}"\n    bare    ${JSON.stringify(bare.results[name])}\n    watched ${JSON.stringify(watched.results[name])}\n`,
      );
    }
    const missing = names.filter((name) => isMissing(bare.results[name]));
    const unrecorded = names.filter((name) => !FREE.has(name) && !missing.includes(name) && !watched.counts[name]);
    if (unrecorded.length > 0) process.stderr.write(`  not recorded: ${unrecorded.join(', ')}\n`);
    rows.push({
      stripe: version,
      format,
      shapes: names.length - missing.length,
      undisturbed: `${names.length - different.length}/${names.length}`,
      'not recorded': unrecorded.length,
      events: Object.values(watched.counts).reduce((sum, count) => sum + count, 0),
    });
    failed ||= different.length > 0 || unrecorded.length > 0 || bare.watched || !watched.watched;
  }
}
rmSync(spool, { recursive: true, force: true });
console.table(rows);
if (failed) process.exitCode = 1;
