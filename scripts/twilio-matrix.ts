/*
 * Every way to use the twilio package's REST client, with and without `register`, on the oldest and newest version of each
 * supported major, as CommonJS and as ESM. Needs the build and, the first time, the npm registry.
 *   npm run matrix:twilio [-- version …]
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const CACHE = join(ROOT, 'node_modules', '.cache', 'twilio-matrix');
const CHILD = join(ROOT, 'instrumentation', 'src', 'twilio', 'testing', 'child.mts');
const REGISTER = join(ROOT, 'instrumentation', 'dist', 'register.js');
const VERSIONS = ['4.0.0', '4.23.0', '5.0.0', '5.13.1', '6.0.0', '6.2.0'];

interface Run {
  readonly results: Record<string, unknown>;
  readonly counts: Record<string, number>;
  readonly started: number;
  readonly ended: number;
}

function install(version: string): string {
  const folder = join(CACHE, version);
  if (existsSync(join(folder, 'node_modules', 'twilio', 'package.json'))) return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
  // As an application imports it: the hooks go by the specifier.
  writeFileSync(join(folder, 'entry.mjs'), "export * from 'twilio';\nexport { default } from 'twilio';\n");
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  execFileSync('npm', ['install', ...flags, '--save-exact', `twilio@${version}`], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return folder;
}

function run(folder: string, format: string, mode: string): Run {
  const hooks = mode === 'bare' ? [] : ['--require', REGISTER];
  const args = ['--no-warnings', ...hooks, CHILD, folder, format, mode];
  const env = { ...process.env, CLIENT_COST_SPOOL_DIR: join(folder, 'spool') };
  const options = { encoding: 'utf8', timeout: 120_000, maxBuffer: 64 * 1024 * 1024, env } as const;
  const printed = execFileSync(process.execPath, args, options);
  return JSON.parse(printed.trim().split('\n').at(-1) ?? '') as Run;
}

/** Shapes that this version does not have; they are the same, and empty, in both runs. */
function missing(results: Record<string, unknown>): string[] {
  return Object.keys(results).filter((name) =>
    /"shape":|HttpInfo is not a function/.test(JSON.stringify(results[name])),
  );
}

const versions = process.argv.length > 2 ? process.argv.slice(2) : VERSIONS;
const rows: Record<string, string | number>[] = [];
let failed = false;
for (const version of versions) {
  const folder = install(version);
  for (const format of ['cjs', 'esm']) {
    process.stderr.write(`twilio ${version} ${format} …\n`);
    const bare = run(folder, format, 'bare');
    const watched = run(folder, format, 'watched');
    const names = Object.keys(bare.results);
    const absent = missing(bare.results);
    const different = names.filter((name) => !isDeepStrictEqual(bare.results[name], watched.results[name]));
    for (const name of different) {
      process.stderr.write(
        `  "${name}"\n    bare    ${JSON.stringify(bare.results[name])}\n    watched ${JSON.stringify(watched.results[name])}\n`,
      );
    }
    if (absent.length > 0) process.stderr.write(`  not in this version: ${absent.join(', ')}\n`);
    rows.push({
      twilio: version,
      format,
      shapes: names.length - absent.length,
      undisturbed: `${names.length - different.length}/${names.length}`,
      recorded: `${watched.ended}/${watched.started}`,
    });
    failed ||= different.length > 0 || watched.ended !== watched.started || watched.ended < 80;
  }
}
console.table(rows);
if (failed) process.exitCode = 1;
