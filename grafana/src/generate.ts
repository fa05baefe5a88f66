import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { alerting } from './alerting/index.ts';
import { dashboards } from './dashboards/index.ts';

// npm run grafana:generate: writes the files that Grafana reads from their source here. A test fails when they differ.
const root = join(import.meta.dirname, '..');
for (const [path, text] of Object.entries({ ...dashboards(), ...alerting() })) {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(`wrote grafana/${path}`);
}
