import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const { bin, files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const path = join(root, bin['client-cost']);

it('is a file of the repository: npm links no command whose file is made later', () => {
  expect(bin['client-cost']).toBe('./bin/client-cost.mjs');
  expect(statSync(path).mode & 0o111).not.toBe(0);
  expect(files).toContain('bin');
});

it('runs the command', () => {
  const help = execFileSync(process.execPath, [path, '--help'], { encoding: 'utf8' });
  expect(help).toContain('Usage: client-cost');
});

it('says what to do before anything is built', () => {
  const folder = mkdtempSync(join(tmpdir(), 'client-cost-bin-'));
  try {
    cpSync(path, join(folder, 'bin/client-cost.mjs'));
    const run = () => execFileSync(process.execPath, [join(folder, 'bin/client-cost.mjs')], { stdio: 'pipe' });
    expect(run).toThrow(/npm run build/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
