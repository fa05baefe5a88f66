export { createOpenAIStandIn, type OpenAIStandIn, type OpenAIStandInOptions } from './openai.ts';
export type {
  StandInExchange,
  StandInFailure,
  StandInRequest,
  StandInScript,
  StandInToolCall,
  StandInUsage,
} from './script.ts';
