import type { PackageSpec } from '../instrument/package-instrumentation.ts';

// What the `worker` condition and callers of the files themselves load in place of the main file.
const FILES = ['cjs', 'esm'].flatMap((format) =>
  ['node', 'worker'].map((platform) => `${format}/stripe.${format}.${platform}.js`),
);

export const STRIPE_PACKAGES: readonly PackageSpec[] = [{ name: 'stripe', majors: [12, 23], files: FILES }];
