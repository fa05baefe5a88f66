import { packageInstrumentation } from '../instrument/package-instrumentation.ts';
import { OPENAI_PACKAGES } from './packages.ts';
import { openaiPatch } from './patching.ts';

export type { OpenAIInstrumentationConfig } from './types.ts';

/** Records every billable call made through the `openai` package, majors 4 to 7, CommonJS and ESM. */
export class OpenAIInstrumentation extends packageInstrumentation(OPENAI_PACKAGES, () => openaiPatch) {}
