import { existsSync } from 'node:fs';
import { join } from 'node:path';

// The package is not one of the workspaces: Grafana's components are half a gigabyte that nothing else needs.
if (!existsSync(join(import.meta.dirname, '..', '..', 'node_modules', '@grafana', 'ui'))) {
  console.error("Grafana's components are not installed. Do it once: npm ci --prefix grafana/preview");
  process.exit(1);
}
const { run } = await import('./run.ts');
process.exitCode = await run();
