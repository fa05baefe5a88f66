#!/usr/bin/env node
// Committed, unlike what it loads: npm links commands when it installs, in a fresh clone before anything is built.
import { existsSync } from 'node:fs';

const main = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(main)) await import(main.href);
else {
  process.stderr.write('client-cost is not built yet. In its repository: npm run build\n');
  process.exitCode = 1;
}
