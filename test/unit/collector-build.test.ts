import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manifestHash } from '../../clickhouse/src/stack/collector-path.ts';
import { withLock } from '../../scripts/lock.ts';

const root = join(import.meta.dirname, '..', '..');
const key = `${manifestHash(join(root, 'collector'))}-go1.99.0-${process.platform}-${process.arch}`;

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'collector-build-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

/** A `go` that answers `go env GOVERSION` and makes the builder and the Collector as shell scripts; a `git` that notes what it applies. */
function fakeGo(version: string, sum?: string): string {
  const bin = join(scratch, 'bin');
  mkdirSync(bin);
  const module = 'go.opentelemetry.io/collector/exporter/exporterhelper v0.161.0';
  const pins = readFileSync(join(root, 'collector', 'go.sum'), 'utf8');
  const pin = pins.split('\n').find((line) => line.startsWith(`${module} h1:`))!;
  const downloaded = JSON.stringify({ Dir: join(scratch, 'module'), Sum: sum ?? pin.slice(module.length + 1) });
  mkdirSync(join(scratch, 'module'));
  const script = `#!/bin/sh
case "$1" in
  env) echo go${version} ;;
  mod) echo '${downloaded}' ;;
  install) mkdir -p "$GOBIN"; printf '#!/bin/sh\\nmkdir -p build\\n' > "$GOBIN/builder"; chmod +x "$GOBIN/builder" ;;
  build) [ -f go.sum ] || exit 3; echo built >> "${scratch}/builds"; while [ "$1" != -o ]; do shift; done
    printf '#!/bin/sh\\necho fake\\n' > "$2"; chmod +x "$2"; sleep 1 ;;
esac
`;
  writeFileSync(join(bin, 'go'), script);
  writeFileSync(join(bin, 'git'), `#!/bin/sh\necho "$PWD $*" >> "${scratch}/patched"\n`);
  for (const name of ['go', 'git']) chmodSync(join(bin, name), 0o755);
  return bin;
}

async function run(path: string, ...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [join(root, 'scripts', 'collector-build.ts'), ...args], {
    env: { PATH: path, HOME: scratch, CLIENT_COST_CACHE_DIR: join(scratch, 'cache') },
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out, err };
}

describe('npm run collector:build', () => {
  it('without Go says what to install and how to do without', async () => {
    const { code, err } = await run('/nowhere');
    expect(code).toBe(1);
    expect(err).toMatch(/No Go found on PATH\. Install Go 1\.26.*--collector none/);
  });

  it('with a too old Go names its version', async () => {
    const { code, err } = await run(`${fakeGo('1.21.3')}:/bin:/usr/bin`);
    expect(code).toBe(1);
    expect(err).toContain('Go 1.21.3 is too old');
  });

  it('--print-path tells where it would be, and fails until it is there', async () => {
    const path = `${fakeGo('1.99.0')}:/bin:/usr/bin`;
    const target = join(scratch, 'cache', 'collector', key, 'otelcol-client-cost');
    expect(await run(path, '--print-path')).toMatchObject({ code: 1, out: `${target}\n` });
    expect(await run(path)).toMatchObject({ code: 0, out: `${target}\n` });
    expect(await run(path, '--print-path')).toMatchObject({ code: 0, out: `${target}\n` });
  });

  it('refuses a module that is not the pinned one before it patches it', async () => {
    const { code, err } = await run(`${fakeGo('1.99.0', 'h1:other=')}:/bin:/usr/bin`);
    expect(code).toBe(1);
    expect(err).toMatch(/exporterhelper 0\.161\.0 has the checksum h1:other=, which is not that of collector\/go\.sum/);
  });

  it('two at once build once; a third finds it built; nothing else stays in the cache', async () => {
    const path = `${fakeGo('1.99.0')}:/bin:/usr/bin`;
    const [a, b] = await Promise.all([run(path), run(path)]);
    expect([a.code, b.code, a.out === b.out]).toEqual([0, 0, true]);
    expect((await run(path)).err).toContain('built already');
    expect(readFileSync(join(scratch, 'builds'), 'utf8')).toBe('built\n');
    expect(readFileSync(join(scratch, 'patched'), 'utf8')).toMatch(/exporterhelper apply \S+exporterhelper\.patch\n$/);
    expect(readdirSync(join(scratch, 'cache', 'collector')).sort()).toEqual([key, `${key}.log`]);
  });

  it('a failed step ends it with the log, and leaves no half a Collector', async () => {
    const bin = fakeGo('1.99.0');
    writeFileSync(
      join(bin, 'go'),
      `#!/bin/sh\n[ "$1" = env ] && echo go1.99.0 || { echo "no such module"; exit 7; }\n`,
    );
    const { code, err, out } = await run(`${bin}:/bin:/usr/bin`);
    expect(code).toBe(1);
    expect(out).toBe('');
    expect(err).toMatch(/Getting the builder failed \(exit 7\)\. Whole log: .*\nno such module/);
  });
});

describe('the lock between builders', () => {
  it('is taken over from a process that died, and given back', async () => {
    const path = join(scratch, 'lock');
    writeFileSync(path, '999999999');
    const told: string[] = [];
    expect(
      await withLock(
        path,
        (line) => told.push(line),
        async () => readFileSync(path, 'utf8'),
      ),
    ).toBe(String(process.pid));
    expect(readdirSync(scratch)).toEqual([]);
    expect(told).toEqual([]);
  });
});
