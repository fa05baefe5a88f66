import { describe, expect, test } from 'vitest';
import { outputTextOf, reportedBy, tokensOf } from './usage.ts';

describe('tokens as the providers report them', () => {
  test('chat completions: cached, audio and reasoning tokens', () => {
    const usage = {
      prompt_tokens: 120,
      completion_tokens: 60,
      total_tokens: 180,
      prompt_tokens_details: { cached_tokens: 64, audio_tokens: 10 },
      completion_tokens_details: { reasoning_tokens: 32, audio_tokens: 5, accepted_prediction_tokens: 0 },
    };
    expect(tokensOf(usage)).toEqual({
      input: 120,
      output: 60,
      cacheRead: 64,
      reasoning: 32,
      inputAudio: 10,
      outputAudio: 5,
    });
  });

  test('Responses API', () => {
    const usage = {
      input_tokens: 328,
      input_tokens_details: { cached_tokens: 256 },
      output_tokens: 52,
      output_tokens_details: { reasoning_tokens: 40 },
      total_tokens: 380,
    };
    expect(tokensOf(usage)).toEqual({ input: 328, output: 52, cacheRead: 256, reasoning: 40 });
  });

  test('xAI: reasoning is counted beside the completion tokens, as the total shows', () => {
    const usage = {
      prompt_tokens: 32,
      completion_tokens: 9,
      total_tokens: 135,
      completion_tokens_details: { reasoning_tokens: 94 },
    };
    expect(tokensOf(usage)).toMatchObject({ input: 32, output: 103, reasoning: 94 });
    expect(tokensOf({ ...usage, completion_tokens: 103 })).toMatchObject({ output: 103, reasoning: 94 });
  });

  test('Gemini: thinking is in the total alone, and is billed as output', () => {
    const usage = { completion_tokens: 1, prompt_tokens: 9, total_tokens: 103 };
    expect(tokensOf(usage, true)).toEqual({ input: 9, output: 94, reasoning: 93 });
    expect(tokensOf({ prompt_tokens: 9, total_tokens: 103 }, true)).toEqual({ input: 9, output: 94, reasoning: 94 });
    expect(tokensOf({ ...usage, total_tokens: 10 }, true)).toEqual({ input: 9, output: 1 });
    const said = { ...usage, completion_tokens: 94, completion_tokens_details: { reasoning_tokens: 93 } };
    expect(tokensOf(said, true)).toEqual({ input: 9, output: 94, reasoning: 93 });
    for (const total_tokens of [undefined, null, '103', Number.NaN])
      expect(tokensOf({ ...usage, total_tokens }, true)).toEqual({ input: 9, output: 1 });
    // Of another provider nobody knows what it means.
    expect(tokensOf(usage)).toEqual({ input: 9, output: 1 });
  });

  test('embeddings have input only', () => {
    expect(tokensOf({ prompt_tokens: 8, total_tokens: 8 })).toEqual({ input: 8, output: 0 });
  });

  test('DeepSeek counts cache hits beside the total', () => {
    const usage = {
      prompt_tokens: 100,
      completion_tokens: 5,
      prompt_cache_hit_tokens: 64,
      prompt_cache_miss_tokens: 36,
    };
    expect(tokensOf(usage)).toEqual({ input: 100, output: 5, cacheRead: 64 });
  });

  test('Groq puts the usage of a stream under x_groq', () => {
    const chunk = { id: 'c', choices: [], x_groq: { usage: { prompt_tokens: 3, completion_tokens: 4 } } };
    expect(reportedBy(chunk)?.tokens).toEqual({ input: 3, output: 4 });
  });

  test.each([undefined, null, {}, [], 'many', 7])('%j is no usage', (usage) => {
    expect(tokensOf(usage)).toBeUndefined();
  });

  test('absurd figures are passed on for the recorder to refuse', () => {
    expect(tokensOf({ prompt_tokens: -1, completion_tokens: 2 ** 60 })).toEqual({ input: -1, output: 2 ** 60 });
    expect(tokensOf({ prompt_tokens: '12', completion_tokens: 1 })).toEqual({ input: Number.NaN, output: 1 });
  });
});

describe('what else an answer says', () => {
  test('id, model, tier, finish reasons of all choices', () => {
    const answer = {
      id: 'chatcmpl-9',
      model: 'gpt-4o-2024-08-06',
      service_tier: 'flex',
      choices: [{ finish_reason: 'stop' }, { finish_reason: 'length' }],
      usage: { prompt_tokens: 1, completion_tokens: 1 },
    };
    expect(reportedBy(answer)).toMatchObject({
      id: 'chatcmpl-9',
      model: 'gpt-4o-2024-08-06',
      serviceTier: 'flex',
      finishReasons: ['stop', 'length'],
    });
  });

  test('an incomplete response says why', () => {
    const answer = { id: 'resp_1', status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } };
    expect(reportedBy(answer)).toMatchObject({ status: 'incomplete', finishReasons: ['max_output_tokens'] });
  });

  test.each([undefined, null, 'text', 1])('%j says nothing', (answer) => {
    expect(reportedBy(answer)).toBeUndefined();
  });

  test('texts of chat and Responses answers, tool arguments included', () => {
    const chat = {
      choices: [{ message: { content: 'Hi', tool_calls: [{ function: { name: 'f', arguments: '{}' } }] } }],
    };
    expect(outputTextOf(chat)).toBe('Hi\nf\n{}');
    const response = {
      output: [
        { type: 'message', content: [{ type: 'output_text', text: 'Hello' }] },
        { type: 'function_call', name: 'f', arguments: '{"a":1}' },
      ],
    };
    expect(outputTextOf(response)).toBe('Hello\n{"a":1}\nf');
    expect(outputTextOf(null)).toBe('');
  });
});
