import type { TokenUsage } from '../types.ts';

type Bag = Record<string, unknown>;

/** What a provider said about a finished call, whatever the API. */
export interface Reported {
  readonly tokens: TokenUsage | undefined;
  readonly model: string | undefined;
  readonly id: string | undefined;
  readonly serviceTier: string | undefined;
  readonly finishReasons: readonly string[];
  /** Responses API only: `completed`, `incomplete`, `failed`, `queued`, `in_progress`, `cancelled`. */
  readonly status: string | undefined;
  /** `error.code` of a failed response, or of a stream that ended in an error. As it was said: clean it before it is recorded. */
  readonly errorCode: string | undefined;
}

/** Undefined and null mean "not said"; anything else that is not a number becomes NaN, for the recorder to refuse visibly. */
function count(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'number' ? value : Number.NaN;
}

export function bag(value: unknown): Bag | undefined {
  return typeof value === 'object' && value !== null ? (value as Bag) : undefined;
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/**
 * A provider's usage object → token counts in the conventions' sense. Chat completions and embeddings say
 * `prompt_tokens`/`completion_tokens`, Responses `input_tokens`/`output_tokens`; DeepSeek counts cache hits beside the
 * prompt's total; xAI counts reasoning beside `completion_tokens`, which its `total_tokens` shows
 * (https://docs.x.ai/docs/guides/reasoning). Figures are passed on as reported: the recorder judges absurd ones.
 *
 * @param thinkingLeftOut as the provider's: what the total has beyond input and output was thought, and is billed as output
 */
export function tokensOf(usage: unknown, thinkingLeftOut = false): TokenUsage | undefined {
  const said = bag(usage);
  if (!said) return undefined;
  const input = count(said.prompt_tokens ?? said.input_tokens);
  const output = count(said.completion_tokens ?? said.output_tokens);
  if (input === undefined && output === undefined) return undefined;
  const inputDetails = bag(said.prompt_tokens_details ?? said.input_tokens_details);
  const outputDetails = bag(said.completion_tokens_details ?? said.output_tokens_details);
  const cachedDetails = bag(inputDetails?.cached_tokens_details);
  const shown = (input ?? 0) + (output ?? 0);
  const reported = count(outputDetails?.reasoning_tokens);
  const reasoning = reported ?? (thinkingLeftOut && input !== undefined ? beyond(said.total_tokens, shown) : undefined);
  const beside = reasoning !== undefined && reasoning > 0 && said.total_tokens === shown + reasoning;
  return {
    input: input ?? 0,
    output: (output ?? 0) + (beside ? reasoning : 0),
    cacheRead: count(inputDetails?.cached_tokens ?? said.prompt_cache_hit_tokens),
    cacheWrite: count(inputDetails?.cache_write_tokens ?? inputDetails?.cache_creation_tokens),
    reasoning,
    inputAudio: count(inputDetails?.audio_tokens),
    outputAudio: count(outputDetails?.audio_tokens),
    cacheReadAudio: count(cachedDetails?.audio_tokens),
  };
}

function beyond(total: unknown, shown: number): number | undefined {
  return typeof total === 'number' && total > shown ? total - shown : undefined;
}

/** Groq puts the usage of a stream under `x_groq`, the others where OpenAI does. */
export function usageIn(message: Bag): unknown {
  return message.usage ?? bag(message.x_groq)?.usage;
}

function finishReasonsOf(body: Bag): string[] {
  const reasons: string[] = [];
  const choices = body.choices;
  if (Array.isArray(choices)) {
    for (const choice of choices) {
      const reason = text(bag(choice)?.finish_reason);
      if (reason) reasons.push(reason);
    }
    return reasons;
  }
  const reason = text(bag(body.incomplete_details)?.reason) ?? text(body.status);
  return reason ? [reason] : reasons;
}

/** Reads a whole answer (`ChatCompletion`, `Response`, `CreateEmbeddingResponse`). May throw on hostile getters. */
export function reportedBy(body: unknown, thinkingLeftOut = false): Reported | undefined {
  const said = bag(body);
  if (!said) return undefined;
  return {
    tokens: tokensOf(usageIn(said), thinkingLeftOut),
    model: text(said.model),
    id: text(said.id),
    serviceTier: text(said.service_tier),
    finishReasons: finishReasonsOf(said),
    status: text(said.status),
    errorCode: text(bag(said.error)?.code) ?? text(bag(said.error)?.type),
  };
}

/** Texts that the model wrote into a whole answer, for an estimate where the provider reports no usage. */
export function outputTextOf(body: unknown): string {
  const said = bag(body);
  const parts: string[] = [];
  const choices = said?.choices;
  if (Array.isArray(choices)) for (const choice of choices) collect(bag(choice)?.message, parts);
  const output = said?.output;
  if (Array.isArray(output)) {
    for (const item of output) {
      const entry = bag(item);
      if (Array.isArray(entry?.content)) for (const part of entry.content) push(bag(part)?.text, parts);
      push(entry?.arguments, parts);
      push(entry?.name, parts);
    }
  }
  return parts.join('\n');
}

/** Texts of a chat message or of a stream's delta. */
export function collect(message: unknown, parts: string[]): void {
  const said = bag(message);
  if (!said) return;
  push(said.content, parts);
  push(said.refusal, parts);
  // DeepSeek and others stream their reasoning, which is billed as output.
  push(said.reasoning_content ?? said.reasoning, parts);
  const calls = said.tool_calls;
  if (Array.isArray(calls)) {
    for (const call of calls) {
      const fn = bag(bag(call)?.function);
      push(fn?.name, parts);
      push(fn?.arguments, parts);
    }
  }
}

function push(value: unknown, parts: string[]): void {
  if (typeof value === 'string' && value !== '') parts.push(value);
}
