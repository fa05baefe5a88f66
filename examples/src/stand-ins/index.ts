export {
  createOcrStandIn,
  type OcrExchange,
  type OcrStandIn,
  type OcrStandInOptions,
} from './generic/index.ts';
export {
  createGooglePlacesGrpcStandIn,
  type GooglePlacesGrpcStandIn,
} from './google-places/grpc.ts';
export {
  createGooglePlacesStandIn,
  type GooglePlacesStandIn,
  type PlacesStandInExchange,
  type PlacesStandInOptions,
  type PlacesStandInRequest,
} from './google-places/index.ts';
export { createOpenAIStandIn, type OpenAIStandIn, type OpenAIStandInOptions } from './openai.ts';
export {
  type CostItem,
  createOpenAIAdminStandIn,
  type OpenAIAdminStandIn,
  type OpenAIAdminStandInOptions,
} from './openai-admin/index.ts';
export {
  createR2StandIn,
  type R2Exchange,
  type R2Failure,
  type R2Request,
  type R2StandIn,
  type R2StandInOptions,
} from './r2/index.ts';
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
export { createTwilioStandIn, type TwilioStandIn, type TwilioStandInOptions } from './twilio/index.ts';
