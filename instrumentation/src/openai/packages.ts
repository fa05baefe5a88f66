import type { PackageSpec } from '../instrument/package-instrumentation.ts';

// Subpaths such as `openai/client` or `openai/azure` never load the main file, but always the one with the client.
const FILES = ['core', 'client', 'azure', 'index'].flatMap((name) => [`${name}.js`, `${name}.mjs`]);

export const OPENAI_PACKAGES: readonly PackageSpec[] = [
  { name: 'openai', majors: [4, 7], files: FILES, specifiers: ['openai/azure', 'openai/client', 'openai/index'] },
];
