#!/usr/bin/env node
// Random passwords and tokens for docker/production/compose.yml: one file each in a folder only its owner can enter. What is there stays.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const here = import.meta.dirname;
const folder = process.argv[2] ?? join(here, 'secrets');
const compose = readFileSync(join(here, 'compose.yml'), 'utf8');
mkdirSync(folder, { recursive: true, mode: 0o700 });
for (const [, name] of compose.matchAll(/file: \.\/secrets\/(\w+)/g)) {
  const file = join(folder, name);
  if (existsSync(file)) continue;
  // Starts with a letter, so that no parser takes it for a number; no line break at the end. The containers' users read it, the folder keeps
  // everybody else of this machine out.
  writeFileSync(file, `p${randomBytes(24).toString('hex')}`, { mode: 0o444 });
  process.stdout.write(`made ${file}\n`);
}
