// Packs the published packages, lints them with publint and attw, and installs the instrumentation alone to prove
// that a measured service gets none of what only the back end needs.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const packages = ['exporter', 'instrumentation', 'clickhouse'];
const forbidden = ['express', 'twilio', 'chdb', '@clickhouse/client'];
const scratch = mkdtempSync(join(tmpdir(), 'client-cost-packages-'));
let failed = 0;

function run(command: string, args: string[], cwd: string): { ok: boolean; output: string } {
  try {
    return {
      ok: true,
      output: execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
    };
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    return { ok: false, output: `${stdout ?? ''}${stderr ?? ''}` };
  }
}

function report(name: string, ok: boolean, detail = ''): void {
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}`);
  if (!ok) {
    failed++;
    console.log(detail);
  }
}

try {
  const tarballs: string[] = [];
  for (const folder of packages) {
    const packed = run('npm', ['pack', '--json', '--pack-destination', scratch], join(root, folder));
    report(`npm pack ${folder}`, packed.ok, packed.output);
    if (!packed.ok) continue;
    const entries: unknown = JSON.parse(packed.output);
    const first = (Array.isArray(entries) ? entries[0] : Object.values(entries as object)[0]) as { filename: string };
    const tarball = join(scratch, first.filename);
    tarballs.push(tarball);

    const publint = run('npx', ['publint', 'run', '--strict', tarball], root);
    report(`publint ${folder}`, publint.ok, publint.output);
    // The back end is ESM only; the instrumentation is CommonJS, which ESM applications import.
    const profile = folder === 'clickhouse' ? ['--profile', 'esm-only'] : ['--profile', 'node16'];
    const attw = run('npx', ['attw', tarball, ...profile, '--format', 'ascii'], root);
    report(`attw ${folder}`, attw.ok, attw.output);
  }

  const service = join(scratch, 'service');
  execFileSync('mkdir', [service]);
  writeFileSync(join(service, 'package.json'), JSON.stringify({ name: 'service', version: '1.0.0', private: true }));
  const wanted = tarballs.filter((t) => !t.includes('clickhouse'));
  const install = run('npm', ['install', '--no-audit', '--no-fund', ...wanted], service);
  report('a project installs the instrumentation alone', install.ok, install.output);
  const list = run('npm', ['ls', '--all', '--parseable'], service).output.split('\n');
  for (const name of forbidden) {
    const found = list.filter((line) => line.endsWith(`/node_modules/${name}`));
    report(
      `${name} is not installed with the instrumentation`,
      list.length > 5 && found.length === 0,
      found.join('\n'),
    );
  }
  const load = run(process.execPath, ['-e', "require('@client-cost/instrumentation/register')"], service);
  report('register loads in that project', load.ok, load.output);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(failed === 0 ? 'packages: all checks passed' : `packages: ${failed} checks failed`);
process.exitCode = failed === 0 ? 0 : 1;
