import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { catalogue } from './support/catalogue.ts';
import { readResults, table } from './support/page.ts';
import { broken } from './support/run.ts';

const docs = join(import.meta.dirname, '..', '..', 'docs');
const page = readFileSync(join(docs, 'reliability.md'), 'utf8');
const { faults } = await catalogue();

/** Rows `| \`id\` | promise | proof |` of the page's promises. */
const promises = page
  .split('\n')
  .map((line) => /^\| `([a-z-]+)` \| (.+?) \|(.*)\|$/.exec(line))
  .filter((match) => match !== null)
  .map(([, id = '', promise = '', proof = '']) => ({ id, promise, proof }));

describe('docs/reliability.md', () => {
  it('has promises', () => {
    expect(promises.length).toBeGreaterThan(20);
  });

  it.each(promises)('$id names what proves it', ({ id, proof }) => {
    const files = [...proof.matchAll(/\]\(([^)]+)\)/g)].map(([, path = '']) => path);
    const named = [...proof.matchAll(/`([a-z0-9-]+)`/g)].map(([, name = '']) => name);
    expect(files.length + named.length, 'a promise without a test').toBeGreaterThan(0);
    expect(files.filter((path) => !existsSync(join(docs, path)))).toEqual([]);
    for (const name of named) {
      const fault = faults.find((candidate) => candidate.id === name);
      expect(fault?.promises, `the fault ${name} of ${id}`).toContain(id);
    }
  });

  it('names for each fault a promise that is there', () => {
    const known = new Set(promises.map(({ id }) => id));
    for (const { id, promises: proved } of faults) {
      expect(proved.length, id).toBeGreaterThan(0);
      expect(
        proved.filter((name) => !known.has(name)),
        id,
      ).toEqual([]);
    }
  });

  it('shows the last long run as it was, of every fault', () => {
    expect(page).toContain(table(faults, readResults()));
  });

  it('shows no fault that broke a promise', () => {
    for (const { id, outcome } of readResults()) expect(broken(outcome), id).toEqual([]);
  });
});
