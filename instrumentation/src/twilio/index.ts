import { packageInstrumentation } from '../instrument/package-instrumentation.ts';
import { TWILIO_PACKAGES } from './packages.ts';
import { twilioPatch } from './patching.ts';

export type { TwilioInstrumentationConfig } from './types.ts';

/** Records every billable call made through the `twilio` package, majors 4 to 6, CommonJS and ESM. */
export class TwilioInstrumentation extends packageInstrumentation(TWILIO_PACKAGES, () => twilioPatch) {}
