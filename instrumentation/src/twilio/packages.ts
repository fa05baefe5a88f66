import type { PackageSpec } from '../instrument/package-instrumentation.ts';

/** Every REST call of the package passes the client in BaseTwilio.js; applications may load that file alone. */
export const TWILIO_PACKAGES: readonly PackageSpec[] = [
  { name: 'twilio', majors: [4, 6], files: ['lib/base/BaseTwilio.js'], specifiers: ['twilio/lib/rest/Twilio.js'] },
];
