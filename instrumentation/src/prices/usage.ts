import type { TokenUsage } from '../types.ts';

/** Token counts taken apart: every token of a call is in exactly one meter. */
export interface MeteredUsage {
  readonly input: number;
  readonly cached: number;
  readonly cacheWrite: number;
  readonly audioInput: number;
  readonly cachedAudio: number;
  readonly output: number;
  readonly reasoning: number;
  readonly audioOutput: number;
}

/** What is wrong with the counts, naming the figure; undefined when every count is possible. */
export function checkUsage(use: TokenUsage): string | undefined {
  return (
    wrongCount('input', use.input, true) ??
    wrongCount('output', use.output, true) ??
    wrongCount('cacheRead', use.cacheRead) ??
    wrongCount('cacheWrite', use.cacheWrite) ??
    wrongCount('reasoning', use.reasoning) ??
    wrongCount('inputAudio', use.inputAudio) ??
    wrongCount('outputAudio', use.outputAudio) ??
    wrongCount('cacheReadAudio', use.cacheReadAudio) ??
    exceeds('cacheRead', use.cacheRead, 'input', use.input) ??
    exceeds('cacheWrite', use.cacheWrite, 'input', use.input) ??
    exceeds('inputAudio', use.inputAudio, 'input', use.input) ??
    exceeds('cacheReadAudio', use.cacheReadAudio, 'cacheRead', use.cacheRead ?? 0) ??
    exceeds('cacheReadAudio', use.cacheReadAudio, 'inputAudio', use.inputAudio ?? 0) ??
    exceeds('reasoning', use.reasoning, 'output', use.output) ??
    exceeds('outputAudio', use.outputAudio, 'output', use.output)
  );
}

function wrongCount(name: string, value: unknown, needed = false): string | undefined {
  if (value === undefined && !needed) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return undefined;
  if (typeof value !== 'number')
    return `token count ${name} is not a number (${value === null ? 'null' : typeof value})`;
  if (Number.isInteger(value) && value > 0) return `token count ${name} (${value}) is beyond 2^53`;
  return `token count ${name} (${value}) is not a whole number of 0 or more`;
}

function exceeds(part: string, count: number | undefined, whole: string, limit: number): string | undefined {
  return count !== undefined && count > limit
    ? `token count ${part} (${count}) exceeds ${whole} (${limit})`
    : undefined;
}

/** Takes checked counts apart; a text says why they cannot be. */
export function meterUsage(use: TokenUsage): MeteredUsage | string {
  const audio = use.inputAudio ?? 0;
  const cacheRead = use.cacheRead ?? 0;
  const cacheWrite = use.cacheWrite ?? 0;
  // Where the provider does not say how many cached tokens are audio, they are text as far as the text reaches.
  const cachedAudio = use.cacheReadAudio ?? 0;
  const input = use.input - audio - (cacheRead - cachedAudio) - cacheWrite;
  if (input < 0) {
    return `token counts inputAudio (${audio}), cacheRead (${cacheRead}) and cacheWrite (${cacheWrite}) together exceed input (${use.input})`;
  }
  const reasoning = use.reasoning ?? 0;
  const audioOutput = use.outputAudio ?? 0;
  const output = use.output - reasoning - audioOutput;
  if (output < 0) {
    return `token counts reasoning (${reasoning}) and outputAudio (${audioOutput}) together exceed output (${use.output})`;
  }
  return {
    input,
    cached: cacheRead - cachedAudio,
    cacheWrite,
    audioInput: audio - cachedAudio,
    cachedAudio,
    output,
    reasoning,
    audioOutput,
  };
}
