/*
 * Every way to consume a call of the openai package, with and without the instrumentation, on the oldest and newest
 * version of each supported major, as CommonJS and as ESM. Needs the build and, the first time, the npm registry.
 *   npm run matrix:openai [-- version …]
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const CACHE = join(ROOT, 'node_modules', '.cache', 'openai-matrix');
const CHILD = join(ROOT, 'instrumentation', 'src', 'openai', 'testing', 'child.mts');
const VERSIONS = ['4.0.0', '4.104.0', '5.0.0', '5.23.2', '6.0.0', '6.49.0', '7.0.0', '7.57.0'];

interface Run {
  readonly results: Record<string, unknown>;
  readonly started: number;
  readonly ended: number;
  readonly left: readonly string[];
}

function install(version: string): string {
  const folder = join(CACHE, version);
  if (existsSync(join(folder, 'node_modules', 'openai', 'package.json'))) return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
  // As an application imports it: the hooks go by the specifier.
  writeFileSync(join(folder, 'entry.mjs'), "export * from 'openai';\nexport { default } from 'openai';\n");
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  execFileSync('npm', ['install', ...flags, '--save-exact', `openai@${version}`], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return folder;
}

function run(folder: string, format: string, mode: string): Run {
  const args = ['--no-warnings', CHILD, folder, format, mode];
  const options = { encoding: 'utf8', timeout: 120_000, maxBuffer: 64 * 1024 * 1024 } as const;
  const printed = execFileSync(process.execPath, args, options);
  return JSON.parse(printed.trim().split('\n').at(-1) ?? '') as Run;
}

/** Shapes that this SDK does not have; they are the same, and empty, in all runs. */
function missing(results: Record<string, unknown>): number {
  return Object.values(results).filter((result) =>
    /is not a (function|constructor)|of undefined/.test(JSON.stringify(result)),
  ).length;
}

const versions = process.argv.length > 2 ? process.argv.slice(2) : VERSIONS;
const rows: Record<string, string | number>[] = [];
let failed = false;
for (const version of versions) {
  const folder = install(version);
  for (const format of ['cjs', 'esm']) {
    process.stderr.write(`openai ${version} ${format} …\n`);
    const bare = run(folder, format, 'bare');
    const names = Object.keys(bare.results);
    const row: Record<string, string | number> = {
      openai: version,
      format,
      shapes: names.length - missing(bare.results),
    };
    for (const mode of ['watched', 'asked']) {
      const other = run(folder, format, mode);
      const different = names.filter((name) => !isDeepStrictEqual(bare.results[name], other.results[name]));
      for (const name of different) {
        process.stderr.write(
          `  ${mode}: "${name}"\n    bare  ${JSON.stringify(bare.results[name])}\n    other ${JSON.stringify(other.results[name])}\n`,
        );
      }
      process.stderr.write(`  ${mode}: ended only with the process: ${other.left.join(', ')}\n`);
      row[mode === 'watched' ? 'undisturbed' : 'with usage asked for'] =
        `${names.length - different.length}/${names.length}`;
      row[mode === 'watched' ? 'recorded' : 'recorded, asked'] = `${other.ended}/${other.started}`;
      failed ||= different.length > 0 || other.ended !== other.started || other.ended === 0;
    }
    rows.push(row);
  }
}
console.table(rows);
if (failed) process.exitCode = 1;
