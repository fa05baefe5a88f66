import { createRequire } from 'node:module';

/** `require` of the places where this workspace installs the openai package. */
export const requireFrom = {
  /** Beside this package. */
  7: createRequire(import.meta.url),
  /** At the root, for the peers that the benchmark compares with. */
  6: createRequire(new URL('../../../../package.json', import.meta.url)),
} as const;
