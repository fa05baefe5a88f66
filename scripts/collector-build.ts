// Builds the OpenTelemetry Collector of collector/manifest.yaml from Go modules, once per manifest, Go version and
// platform: a second clone finds it in the cache. Exact dependencies and checksums: collector/go.mod, collector/go.sum.
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  buildKey,
  COLLECTOR_NAME,
  collectorCacheDir,
  findCachedCollector,
  manifestHash,
} from '../clickhouse/src/stack/collector-path.ts';
import { withLock } from './lock.ts';

/** The module that collector/exporterhelper.patch changes; the builder's manifest says where it is replaced from. */
const PATCHED = 'go.opentelemetry.io/collector/exporter/exporterhelper';
const BUILDER = 'go.opentelemetry.io/collector/cmd/builder@v0.161.0';
const COLLECTOR_DIR = join(import.meta.dirname, '..', 'collector');

const USAGE = `Usage: npm run collector:build [-- options]

Builds the OpenTelemetry Collector with Go and prints where it is. Cached in
$CLIENT_COST_CACHE_DIR/collector (default ~/.cache/client-cost/collector).

Options:
  --print-path   print the path of the cached Collector and exit 0; print where it would be and exit 1 if it is not built
  --force        build even when a cached one is there
  --update-pins  resolve the modules of collector/manifest.yaml anew and write collector/go.mod and go.sum
  --help         this text
`;

class BuildError extends Error {}

const say = (line: string) => process.stderr.write(`${line}\n`);

/** Version of the `go` on PATH, such as `1.26.8`; undefined without one. */
function goVersion(): string | undefined {
  const run = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8', cwd: tmpdir() });
  return run.status === 0 ? run.stdout.trim().replace(/^go/, '') : undefined;
}

/** The lowest Go version that collector/go.mod accepts. */
function neededGo(): string {
  return /^go (\S+)/m.exec(readFileSync(join(COLLECTOR_DIR, 'go.mod'), 'utf8'))?.[1] ?? '1.26.0';
}

function isOlder(have: string, need: string): boolean {
  const parts = (version: string) => version.split(/[.\-+a-z]/).map((part) => Number(part) || 0);
  const [a, b] = [parts(have), parts(need)];
  for (let i = 0; i < 3; i += 1) if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) < (b[i] ?? 0);
  return false;
}

function requireGo(): string {
  const need = neededGo();
  const have = goVersion();
  const way = `Install Go ${need} or newer (https://go.dev/dl/), or run without the Collector: client-cost start --collector none`;
  if (have === undefined) throw new BuildError(`No Go found on PATH. ${way}`);
  if (isOlder(have, need)) throw new BuildError(`Go ${have} is too old for this Collector. ${way}`);
  return have;
}

/** Runs one step with its output in `log`, telling every 10 s that it still works. */
async function step(what: string, command: string, args: string[], cwd: string, log: string, env = {}): Promise<void> {
  const started = Date.now();
  const elapsed = () => `${Math.round((Date.now() - started) / 1000)} s`;
  say(`${what} …`);
  const out = createWriteStream(log, { flags: 'a' });
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, CGO_ENABLED: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const tail: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      out.write(chunk);
      tail.push(...chunk.toString().split('\n'));
      tail.splice(0, Math.max(0, tail.length - 30));
    });
  }
  const ticker = setInterval(() => say(`  ${what}: ${elapsed()}`), 10_000);
  const stop = (signal: NodeJS.Signals) => child.kill(signal);
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code !== 0) {
      const lines = tail.filter((line) => line.trim() !== '').join('\n');
      throw new BuildError(`${what} failed (exit ${code}). Whole log: ${log}\n${lines}`);
    }
    say(`  ${what}: done in ${elapsed()}`);
  } finally {
    clearInterval(ticker);
    process.off('SIGINT', stop).off('SIGTERM', stop);
    out.end();
  }
}

/** Puts the patched module into `dir`/exporterhelper. Its checksum is that of collector/go.sum. */
async function patch(dir: string, log: string): Promise<void> {
  const version = /^ {2}version: (\S+)$/m.exec(readFileSync(join(COLLECTOR_DIR, 'manifest.yaml'), 'utf8'))?.[1];
  const run = spawnSync('go', ['mod', 'download', '-json', `${PATCHED}@v${version}`], { encoding: 'utf8', cwd: dir });
  const got = JSON.parse(run.stdout || '{}') as { Dir?: string; Sum?: string; Error?: string };
  if (got.Dir === undefined) throw new BuildError(`${PATCHED} cannot be had: ${got.Error ?? run.stderr}`);
  const pins = readFileSync(join(COLLECTOR_DIR, 'go.sum'), 'utf8');
  if (!pins.split('\n').includes(`${PATCHED} v${version} ${got.Sum}`))
    throw new BuildError(`${PATCHED} ${version} has the checksum ${got.Sum}, which is not that of collector/go.sum`);
  const target = join(dir, 'exporterhelper');
  cpSync(got.Dir, target, { recursive: true });
  // Go's module cache is read-only.
  for (const path of readdirSync(target, { recursive: true, encoding: 'utf8' })) chmodSync(join(target, path), 0o755);
  // No repository around it is asked: git apply would take its paths as that one's.
  const env = { GIT_CEILING_DIRECTORIES: dir };
  await step('Patching the queue', 'git', ['apply', join(COLLECTOR_DIR, 'exporterhelper.patch')], target, log, env);
}

/** Generates the Collector's sources in `dir`/build; with `resolve` the modules are resolved anew. */
async function generate(dir: string, log: string, resolve: boolean): Promise<string> {
  const bin = join(dir, 'bin');
  await step('Getting the builder', 'go', ['install', BUILDER], dir, log, { GOBIN: bin });
  copyFileSync(join(COLLECTOR_DIR, 'manifest.yaml'), join(dir, 'manifest.yaml'));
  await patch(dir, log);
  const skip = resolve ? [] : ['--skip-get-modules'];
  const args = ['--config', 'manifest.yaml', '--skip-compilation', ...skip];
  await step('Generating sources', join(bin, 'builder'), args, dir, log);
  return join(dir, 'build');
}

async function updatePins(): Promise<void> {
  requireGo();
  const dir = mkdtempSync(join(tmpdir(), 'collector-pins-'));
  try {
    const sources = await generate(dir, join(dir, 'build.log'), true);
    for (const file of ['go.mod', 'go.sum']) copyFileSync(join(sources, file), join(COLLECTOR_DIR, file));
    say('Written: collector/go.mod, collector/go.sum');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Builds into a scratch folder and moves the finished binary to `target` in one rename. */
async function build(target: string): Promise<void> {
  const dir = `${dirname(target)}.build`;
  const log = `${dirname(target)}.log`;
  rmSync(dir, { recursive: true, force: true });
  rmSync(log, { force: true });
  mkdirSync(dir, { recursive: true });
  const sources = await generate(dir, log, false);
  for (const file of ['go.mod', 'go.sum']) copyFileSync(join(COLLECTOR_DIR, file), join(sources, file));
  const binary = join(dir, COLLECTOR_NAME);
  // -mod=readonly: a manifest that the pins do not cover is an error, not a silent upgrade.
  const args = ['build', '-mod=readonly', '-trimpath', '-ldflags=-s -w', '-o', binary, '.'];
  await step('Compiling (about 5 minutes the first time, on two cores)', 'go', args, sources, log);
  await step('Trying it', binary, ['--version'], dir, log);
  mkdirSync(dirname(target), { recursive: true });
  chmodSync(binary, 0o755);
  renameSync(binary, target);
  rmSync(dir, { recursive: true, force: true });
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      'print-path': { type: 'boolean' },
      force: { type: 'boolean' },
      'update-pins': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (values['update-pins']) {
    await updatePins();
    return 0;
  }
  const cached = findCachedCollector(COLLECTOR_DIR);
  if (values['print-path']) {
    const wouldBe = () =>
      join(collectorCacheDir(), buildKey(manifestHash(COLLECTOR_DIR), goVersion() ?? neededGo()), COLLECTOR_NAME);
    process.stdout.write(`${cached ?? wouldBe()}\n`);
    return cached === undefined ? 1 : 0;
  }
  if (cached !== undefined && !values.force) {
    say('The Collector is built already.');
    process.stdout.write(`${cached}\n`);
    return 0;
  }
  const target = join(collectorCacheDir(), buildKey(manifestHash(COLLECTOR_DIR), requireGo()), COLLECTOR_NAME);
  mkdirSync(collectorCacheDir(), { recursive: true });
  await withLock(`${dirname(target)}.lock`, say, async () => {
    // Another builder may have finished while we waited.
    if (!values.force && existsSync(target)) return;
    await build(target);
  });
  process.stdout.write(`${target}\n`);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  say(error instanceof BuildError ? error.message : `collector:build: ${(error as Error).message}`);
  process.exitCode = 1;
}
