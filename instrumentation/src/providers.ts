import type { Instrumentation } from '@opentelemetry/instrumentation';
import { OpenAIInstrumentation } from './openai/index.ts';

/** Settings of the providers' instrumentations, by provider. */
export type ProviderConfig = { readonly openai?: ConstructorParameters<typeof OpenAIInstrumentation>[0] };

interface Provider {
  readonly name: keyof ProviderConfig;
  /** Module specifiers that the instrumentation patches: what ESM hooks are limited to. */
  readonly modules: readonly string[];
  readonly create: (config: ProviderConfig) => Instrumentation;
}

/** Every provider that is measured without code: one line each. */
export const PROVIDERS: readonly Provider[] = [
  {
    name: 'openai',
    modules: ['openai', 'openai/azure', 'openai/client', 'openai/index'],
    create: (config) => new OpenAIInstrumentation(config.openai),
  },
];
