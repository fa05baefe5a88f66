export { createOpenAIStandIn, type OpenAIStandIn, type OpenAIStandInOptions } from './openai.ts';
export type {
  StandInExchange,
  StandInFailure,
  StandInRequest,
  StandInScript,
  StandInToolCall,
  StandInUsage,
} from './script.ts';
export {
  createStripeStandIn,
  type StripeExchange,
  type StripeFailure,
  type StripeRequest,
  type StripeStandIn,
  type StripeStandInOptions,
} from './stripe/index.ts';
