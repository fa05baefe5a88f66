/*
 * Every way to use an S3 client, with and without the instrumentation, on old and new minors of the AWS SDK, as CommonJS and as ESM.
 * Needs the build and, the first time, the npm registry.
 *   npm run matrix:r2 [-- version …]
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { startR2 } from '../instrumentation/src/cloudflare-r2/testing/stand-in.mts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const CACHE = join(ROOT, 'node_modules', '.cache', 'r2-matrix');
const CHILD = join(ROOT, 'instrumentation', 'src', 'cloudflare-r2', 'testing', 'child.mts');
const REGISTER = join(ROOT, 'instrumentation', 'dist', 'register.js');
const PACKAGES = ['client-s3', 'lib-storage', 's3-request-presigner'].map((name) => `@aws-sdk/${name}`);
const VERSIONS = ['3.200.0', '3.400.0', '3.600.0', '3.800.0', '3.1169.0'];

function install(version: string): string {
  const folder = join(CACHE, version);
  if (existsSync(join(folder, 'node_modules', '@aws-sdk', 'client-s3', 'package.json'))) return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
  writeFileSync(join(folder, 'entry.mjs'), PACKAGES.map((name) => `export * from '${name}';\n`).join(''));
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  // The presigner does not have every minor of the client.
  const specs = PACKAGES.map((name) => `${name}@${name.endsWith('presigner') ? '<=' : ''}${version}`);
  execFileSync('npm', ['install', ...flags, '--save-exact', ...specs], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return folder;
}

/** Takes what the watched process sends, so that it can end. */
const sink = createServer((request, response) => {
  request.resume().on('end', () => response.setHeader('content-type', 'application/json').end('{}'));
});
await new Promise<void>((resolve) => void sink.listen(0, '127.0.0.1', resolve));
const spool = mkdtempSync(join(tmpdir(), 'client-cost-r2-matrix-'));
const env = {
  ...process.env,
  CLIENT_COST_PROVIDER_HOSTS: '127.0.0.1=cloudflare_r2',
  CLIENT_COST_SPOOL_DIR: spool,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(sink.address() as AddressInfo).port}`,
};

async function run(
  folder: string,
  format: string,
  watched: boolean,
): Promise<{ results: Record<string, unknown>; requests: number }> {
  const stand = await startR2();
  const args = ['--no-warnings', ...(watched ? ['--require', REGISTER] : []), CHILD, folder, format, stand.url];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.on('data', (chunk) => {
    printed += chunk;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  await stand.close();
  if (code !== 0) throw new Error(`${folder} ${format}: the script ended with ${code}`);
  return { results: JSON.parse(printed) as Record<string, unknown>, requests: stand.count };
}

const versions = process.argv.length > 2 ? process.argv.slice(2) : VERSIONS;
const rows: Record<string, string | number>[] = [];
let failed = false;
for (const version of versions) {
  const folder = install(version);
  for (const format of ['cjs', 'esm']) {
    process.stderr.write(`@aws-sdk/client-s3 ${version} ${format} …\n`);
    const bare = await run(folder, format, false);
    const watched = await run(folder, format, true);
    const different = Object.keys(bare.results).filter(
      (name) => !isDeepStrictEqual(bare.results[name], watched.results[name]),
    );
    failed ||= different.length > 0;
    rows.push({
      version,
      format,
      shapes: Object.keys(bare.results).length,
      requests: watched.requests,
      different: different.join(', ') || '–',
    });
  }
}
sink.closeAllConnections();
sink.close();
rmSync(spool, { recursive: true, force: true });
console.table(rows);
process.exitCode = failed ? 1 : 0;
