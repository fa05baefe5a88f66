import { packageInstrumentation } from '../instrument/package-instrumentation.ts';
import { R2_PACKAGES } from './packages.ts';
import { r2Patch } from './patching.ts';

export type { CloudflareR2InstrumentationConfig } from './types.ts';

/** Records the operations that `@aws-sdk/client-s3` (major 3) performs on Cloudflare R2, CommonJS and ESM. */
export class CloudflareR2Instrumentation extends packageInstrumentation(R2_PACKAGES, () => r2Patch) {}
