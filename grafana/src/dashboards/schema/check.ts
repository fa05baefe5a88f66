import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const here = import.meta.dirname;
const tsc = join(here, '..', '..', '..', '..', 'node_modules', 'typescript', 'bin', 'tsc');

/**
 * Compiles each dashboard's JSON as `… satisfies DashboardJson`, all in one run of the compiler.
 *
 * @param files name → JSON text
 * @returns the compiler's complaints by name; an empty list for a file that Grafana's types accept
 * @throws Error when the compiler itself fails, or complains about anything but these files
 */
export function checkAgainstTypes(files: Readonly<Record<string, string>>): Record<string, string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'client-cost-dashboards-'));
  try {
    const names = Object.keys(files);
    const found: Record<string, string[]> = Object.fromEntries(names.map((name) => [name, []]));
    names.forEach((name, index) => {
      const from = JSON.stringify(join(here, 'json.ts'));
      writeFileSync(
        join(dir, `d${index}.ts`),
        `import type { DashboardJson } from ${from};\nexport default (${files[name]}) satisfies DashboardJson;\n`,
      );
    });
    writeFileSync(
      join(dir, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          strict: true,
          exactOptionalPropertyTypes: true,
          noEmit: true,
          skipLibCheck: true,
          allowImportingTsExtensions: true,
          target: 'es2023',
          module: 'esnext',
          moduleResolution: 'bundler',
          types: [],
        },
        files: names.map((_, index) => `d${index}.ts`),
      }),
    );
    const run = spawnSync(process.execPath, [tsc, '-p', dir, '--pretty', 'false'], { encoding: 'utf8', cwd: dir });
    const output = `${run.stdout}${run.stderr}`;
    if (run.status !== 0 && !output.includes('error TS')) throw new Error(`tsc ended with ${run.status}: ${output}`);
    let current: string[] | undefined;
    for (const line of output.split('\n')) {
      const match = /^d(\d+)\.ts\(.*?\): error (.*)$/.exec(line);
      if (match !== null) {
        current = found[names[Number(match[1])]!]!;
        current.push(match[2]!);
      } else if (/error TS\d+/.test(line)) {
        throw new Error(`the compiler complains about the types themselves: ${line}`);
      } else if (line.startsWith(' ') && current !== undefined) {
        current[current.length - 1] += `\n${line}`;
      }
    }
    return found;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
