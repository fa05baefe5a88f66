export { estimateChatInput, estimateEmbeddingInput, estimateResponseInput } from './openai.ts';
export { estimateTokens } from './text.ts';
