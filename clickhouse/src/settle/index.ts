export { type Correction, correct, SETTLED_VERSION } from './correct.ts';
export { openaiSettler } from './openai.ts';
export { type SettleOptions, settle } from './run.ts';
export { type Progress, type ProgressFile, progressFile } from './state.ts';
export { stripeSettler } from './stripe.ts';
export { twilioSettler } from './twilio.ts';
export type { Answer, ServiceOutcome, Settler } from './types.ts';
