import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { committed, rulesOf } from '../../../grafana/src/alerting/testing/files.ts';
import { expand } from '../../../grafana/src/alerting/testing/provisioning.ts';
import { render } from '../../../grafana/src/alerting/testing/template.ts';

// The simulator's two pieces of Go, held against Go itself: os.Expand and text/template.

const hasGo = spawnSync('go', ['version']).status === 0;
if (!hasGo && process.env.CI !== 'true') console.warn('SKIPPED: no Go here');

interface Asked {
  readonly text: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, number>>;
}

function askGo(texts: readonly string[], templates: readonly Asked[], env: Readonly<Record<string, string>>) {
  // A build cache of its own only where none can be found: a home is not given everywhere.
  const cache = mkdtempSync(join(tmpdir(), 'client-cost-go-'));
  try {
    const run = spawnSync('go', ['run', join(import.meta.dirname, 'oracle.go')], {
      input: JSON.stringify({ env, texts, templates }),
      encoding: 'utf8',
      env: { ...process.env, GOTOOLCHAIN: 'local', ...(process.env.HOME === undefined && { GOCACHE: cache }) },
    });
    if (run.status !== 0) throw new Error(run.stderr);
    return JSON.parse(run.stdout) as { readonly texts: string[]; readonly templates: string[] };
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

test.skipIf(!hasGo && process.env.CI !== 'true')('expansion and templates are what Go makes of them', () => {
  const env = { A: 'a', AB: 'ab', X_1: 'x$A' };
  const piece = fc.constantFrom('$', '{', '}', 'A', 'B', 'X_1', '%.2f', ' ', '.', '1', '-', '?', 'é', '$$', '"', '|');
  const texts = fc.sample(
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    { numRuns: 3_000, seed: 5 },
  );

  const templates: Asked[] = [];
  for (const { rule } of rulesOf(committed('provisioning/alerting/rules.yaml'))) {
    const ids = rule.data.map(({ refId }) => refId);
    const labels = { client_id: 'ü&b c/d?"<', client_name: 'A', month: '2026-02' };
    const all = [0, 1, 0.5, 1.5, 2.5, 50.01, 99.995, 1e9 + 0.25, -3.5].map((value, index) =>
      Object.fromEntries(ids.map((id, place) => [id, id === 'same_days' ? index % 2 : value + place])),
    );
    // Each value missing once, and all of them.
    const some = ids.map((id) => Object.fromEntries(Object.entries(all[5]!).filter(([name]) => name !== id)));
    for (const text of Object.values(rule.annotations)) {
      for (const values of [...all, ...some, {}])
        templates.push({ text, labels, values }, { text, labels: {}, values });
    }
  }

  const said = askGo(texts, templates, env);
  const value = (name: string): string => env[name as keyof typeof env] ?? '';
  expect(texts.map((text) => expand(text, value))).toEqual(said.texts);
  expect(templates.map(({ text, labels, values }) => tried(text, labels, values))).toEqual(said.templates);
  expect(said.templates.filter((text) => text === 'error')).toEqual([]);
  expect(templates.length).toBeGreaterThan(500);
});

function tried(text: string, labels: Asked['labels'], values: Asked['values']): string {
  try {
    return render(text, { Labels: labels, Values: values });
  } catch {
    return 'error';
  }
}
