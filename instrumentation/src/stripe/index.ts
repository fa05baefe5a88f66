import { packageInstrumentation } from '../instrument/package-instrumentation.ts';
import { STRIPE_PACKAGES } from './packages.ts';
import { stripePatch } from './patching.ts';

export type { StripeInstrumentationConfig } from './types.ts';

/** Records what payments through the `stripe` package cost, majors 12 to 23, CommonJS and ESM, API calls and webhooks. */
export class StripeInstrumentation extends packageInstrumentation(STRIPE_PACKAGES, () => stripePatch) {}
