import type { PackageSpec } from '../instrument/package-instrumentation.ts';

// Every REST call passes the client of this file; applications may load it, or what extends it, without the main one.
const FILES = ['lib/base/BaseTwilio.js', 'dist/lib/base/BaseTwilio.js'];

export const TWILIO_PACKAGES: readonly PackageSpec[] = [
  { name: 'twilio', majors: [4, 6], files: FILES, specifiers: FILES.map((file) => `twilio/${file}`) },
];
