export { currentScope, setClient, usageContext, withClient } from './attribution/index.ts';
export { CloudflareR2Instrumentation } from './cloudflare-r2/index.ts';
export { GooglePlacesInstrumentation, type GooglePlacesInstrumentationConfig } from './google-places/index.ts';
export { validateHttpProviders } from './http/declarative/file.ts';
export type { HttpAnswer, HttpCallEnd, HttpCallStart, HttpRequest, HttpRule } from './http/observe.ts';
export { observeHttp } from './http/observe.ts';
export { clientCostInstrumentations } from './instrumentations.ts';
export { OpenAIInstrumentation } from './openai/index.ts';
export type { PriceBook, PriceRequest, Problem } from './prices/index.ts';
export { loadPriceBook, validatePriceFile } from './prices/index.ts';
export type { ProviderConfig } from './providers.ts';
export type { UsageRecord } from './record-usage.ts';
export { recordUsage } from './record-usage.ts';
export { getRecorder, setRecorder } from './recorder/index.ts';
export { flush } from './start.ts';
export { StripeInstrumentation, type StripeInstrumentationConfig } from './stripe/index.ts';
export { TwilioInstrumentation } from './twilio/index.ts';
export {
  type TwilioWebhookMiddleware,
  type TwilioWebhookOptions,
  type TwilioWebhookParams,
  twilioWebhook,
} from './twilio/webhook/index.ts';
export type {
  BillableCall,
  CallEnd,
  CallStart,
  CostSource,
  Price,
  Recorder,
  TokenUsage,
  UsageOutcome,
  UsageScope,
} from './types.ts';
