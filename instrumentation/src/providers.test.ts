import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { importSpecifiers, PROVIDERS } from './providers.ts';

const DIST = join(__dirname, '..', 'dist');

/** The files of this package that a process has loaded when its own first line runs. */
function loadedBy(args: readonly string[]): string[] {
  const script = `process.stdout.write(JSON.stringify(Object.keys(require.cache)))`;
  const env = { PATH: process.env.PATH, CLIENT_COST_EXPORTER: 'none' };
  const out = execFileSync(process.execPath, [...args, '-e', script], { encoding: 'utf8', env });
  return (JSON.parse(out) as string[])
    .filter((path) => path.startsWith(DIST))
    .map((path) => path.slice(DIST.length + 1));
}

it('register loads the names of a provider’s packages and nothing else of it', () => {
  const loaded = loadedBy(['--require', join(DIST, 'register.js')]);
  const folders = ['openai', 'twilio', 'stripe', 'google-places', 'cloudflare-r2'];
  const ofProviders = loaded.filter((path) => folders.some((folder) => path.startsWith(`${folder}/`)));
  // Places is called by plain fetch too: its hosts have to be known from the beginning.
  const hosts = ['google-places/index.js', 'google-places/observe.js'];
  expect(ofProviders.sort()).toEqual([...folders.map((folder) => `${folder}/packages.js`), ...hosts].sort());
});

it('every provider names its packages, each once, with the majors that were checked', () => {
  expect(new Set(importSpecifiers()).size).toBe(importSpecifiers().length);
  for (const { packages } of PROVIDERS) {
    expect(packages.length).toBeGreaterThan(0);
    for (const { name, majors } of packages) expect([name, majors[0] <= majors[1]]).toEqual([name, true]);
  }
});

it.each(PROVIDERS.map(({ name, load }) => [name, load] as const))('%s: what is named can be loaded', (name) => {
  const script = `
    const { PROVIDERS } = require(${JSON.stringify(join(DIST, 'providers.js'))});
    const patch = PROVIDERS.find((provider) => provider.name === ${JSON.stringify(name)}).load();
    if (typeof patch.targets !== 'function') throw new Error('no targets');
    process.stdout.write(JSON.stringify(patch.targets({}, 'x', undefined)));`;
  expect(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' })).toBe('[]');
});
