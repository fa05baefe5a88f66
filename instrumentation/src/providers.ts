import { createRequire } from 'node:module';
import type { Instrumentation } from '@opentelemetry/instrumentation';
import { R2_PACKAGES } from './cloudflare-r2/packages.ts';
import type { CloudflareR2InstrumentationConfig } from './cloudflare-r2/types.ts';
import { GOOGLE_PLACES_PACKAGES } from './google-places/packages.ts';
import type { GooglePlacesInstrumentationConfig } from './google-places/types.ts';
import { type PackageSpec, packageInstrumentation } from './instrument/package-instrumentation.ts';
import { OPENAI_PACKAGES } from './openai/packages.ts';
import type { OpenAIInstrumentationConfig } from './openai/types.ts';
import { STRIPE_PACKAGES } from './stripe/packages.ts';
import type { StripeInstrumentationConfig } from './stripe/types.ts';
import { TWILIO_PACKAGES } from './twilio/packages.ts';
import type { TwilioInstrumentationConfig } from './twilio/types.ts';

/** Settings of the providers' instrumentations, by provider. */
export type ProviderConfig = {
  readonly cloudflareR2?: CloudflareR2InstrumentationConfig;
  readonly googlePlaces?: GooglePlacesInstrumentationConfig;
  readonly openai?: OpenAIInstrumentationConfig;
  readonly stripe?: StripeInstrumentationConfig;
  readonly twilio?: TwilioInstrumentationConfig;
};

interface Provider {
  readonly name: keyof ProviderConfig;
  /** The packages that are patched: what ESM hooks are limited to. */
  readonly packages: readonly PackageSpec[];
  /** Loads what patches them: called when one of the packages is loaded, so that nobody pays for a provider without use. */
  // biome-ignore lint/suspicious/noExplicitAny: each provider has a configuration of its own.
  readonly load: () => any;
  /** Makes the instrumentation, where it does more than patch packages. */
  // biome-ignore lint/suspicious/noExplicitAny: see above.
  readonly create?: (config: any) => Instrumentation;
}

const lazyRequire = createRequire(__filename);

/** Every provider that is measured without code: one line each. */
export const PROVIDERS: readonly Provider[] = [
  { name: 'cloudflareR2', packages: R2_PACKAGES, load: () => lazyRequire('./cloudflare-r2/patching.js').r2Patch },
  {
    name: 'googlePlaces',
    packages: GOOGLE_PLACES_PACKAGES,
    load: () => lazyRequire('./google-places/patching.js').googlePlacesPatch,
    create: (config) => new (lazyRequire('./google-places/index.js').GooglePlacesInstrumentation)(config),
  },
  { name: 'openai', packages: OPENAI_PACKAGES, load: () => lazyRequire('./openai/patching.js').openaiPatch },
  { name: 'stripe', packages: STRIPE_PACKAGES, load: () => lazyRequire('./stripe/patching.js').stripePatch },
  { name: 'twilio', packages: TWILIO_PACKAGES, load: () => lazyRequire('./twilio/patching.js').twilioPatch },
];

/** One instrumentation per provider. */
export function createInstrumentations(config: ProviderConfig): Instrumentation[] {
  return PROVIDERS.map(({ name, packages, load, create }) => {
    if (create !== undefined) return create(config[name] ?? {});
    const Provider = packageInstrumentation(packages, load);
    return new Provider(config[name] ?? {});
  });
}

/** What import statements of all packages look like. */
export function importSpecifiers(): string[] {
  return PROVIDERS.flatMap(({ packages }) => packages.flatMap(({ name, specifiers = [] }) => [name, ...specifiers]));
}
