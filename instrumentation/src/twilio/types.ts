import type { InstrumentationConfig } from '@opentelemetry/instrumentation';

/** Has no settings of its own. */
export interface TwilioInstrumentationConfig extends InstrumentationConfig {}
