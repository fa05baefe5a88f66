import { describe, expect, it } from 'vitest';
import { estimateChatInput, estimateEmbeddingInput, estimateResponseInput, estimateTokens } from './index.ts';
import { IMAGE, IMAGE_LOW } from './openai.ts';
import { MAX_SCANNED } from './text.ts';

const PROSE = 'The quick brown fox jumps over the lazy dog, and then it sleeps until noon. ';

function hostile(): unknown {
  return new Proxy(
    {},
    {
      get() {
        throw new Error('hands off');
      },
      ownKeys() {
        throw new Error('hands off');
      },
    },
  );
}

describe('estimateTokens', () => {
  it('is near the real count of prose (17 in cl100k and o200k)', () => {
    const tokens = estimateTokens(PROSE.trim());
    expect(tokens).toBeGreaterThanOrEqual(15);
    expect(tokens).toBeLessThanOrEqual(20);
  });

  it('counts CJK and digits as more than English', () => {
    expect(estimateTokens('人工智能正在改变世界')).toBeGreaterThanOrEqual(7);
    expect(estimateTokens('123456789012')).toBe(4);
  });

  it('scales a long text from a sample, in bounded time', () => {
    const once = estimateTokens(PROSE.repeat(200));
    const long = PROSE.repeat(200_000);
    const start = process.cpuUsage();
    const tokens = estimateTokens(long);
    const { user } = process.cpuUsage(start);
    expect(tokens / (once * 1000)).toBeGreaterThan(0.95);
    expect(tokens / (once * 1000)).toBeLessThan(1.05);
    // Reading all 15 MB closely takes seconds.
    expect(user).toBeLessThan(200_000);
  });

  it('is continuous at the bound', () => {
    const text = PROSE.repeat(400);
    const below = estimateTokens(text.slice(0, MAX_SCANNED));
    const above = estimateTokens(text.slice(0, MAX_SCANNED + 1));
    expect(Math.abs(above - below) / below).toBeLessThan(0.03);
  });

  it.each([undefined, null, 7, {}, [], Symbol('x'), () => 1, '', hostile()])(
    'is 0 for what is no text (%#)',
    (value) => {
      expect(estimateTokens(value)).toBe(0);
    },
  );
});

describe('estimateChatInput', () => {
  it('counts messages with their framing', () => {
    const body = { messages: [{ role: 'user', content: PROSE }] };
    expect(estimateChatInput(body)).toBe(6 + estimateTokens(PROSE));
    const two = { messages: [...body.messages, { role: 'user', content: [{ type: 'text', text: PROSE }] }] };
    expect(estimateChatInput(two)).toBe(9 + 2 * estimateTokens(PROSE));
  });

  it('counts tools, images and audio', () => {
    const plain = estimateChatInput({ messages: [{ role: 'user', content: 'hi' }] });
    const parameters = { type: 'object', properties: { city: { type: 'string', description: 'a city in the world' } } };
    const tool = { type: 'function', function: { name: 'weather', description: 'the weather of today', parameters } };
    const tools = estimateChatInput({ messages: [{ role: 'user', content: 'hi' }], tools: [tool] });
    expect(tools - plain).toBeGreaterThan(30);
    expect(tools - plain).toBeLessThan(90);
    const part = (value: object) => ({ messages: [{ role: 'user', content: [value] }] });
    const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(1e6)}` } };
    expect(estimateChatInput(part(image))).toBe(6 + IMAGE);
    expect(estimateChatInput(part({ type: 'image_url', image_url: { url: 'x', detail: 'low' } }))).toBe(6 + IMAGE_LOW);
    const audio = { type: 'input_audio', input_audio: { data: 'A'.repeat(640_000), format: 'wav' } };
    expect(estimateChatInput(part(audio))).toBe(6 + 100);
  });

  it('counts a list longer than the bound in proportion', () => {
    const messages = Array.from({ length: 100_000 }, () => ({ role: 'user', content: PROSE }));
    const start = process.cpuUsage();
    const tokens = estimateChatInput({ messages });
    expect(process.cpuUsage(start).user).toBeLessThan(200_000);
    const expected = 100_000 * (3 + estimateTokens(PROSE));
    expect(Math.abs(tokens - expected) / expected).toBeLessThan(0.05);
  });
});

describe('estimateResponseInput', () => {
  it('counts instructions and input of either shape', () => {
    const text = estimateResponseInput({ instructions: PROSE, input: PROSE });
    expect(text).toBe(6 + 2 * estimateTokens(PROSE));
    const items = [{ role: 'user', content: [{ type: 'input_text', text: PROSE }] }];
    expect(estimateResponseInput({ instructions: PROSE, input: items })).toBe(text);
  });

  it('counts tool results and images', () => {
    const call = { type: 'function_call_output', call_id: 'c', output: PROSE };
    expect(estimateResponseInput({ input: [call] })).toBe(6 + estimateTokens(PROSE));
    const image = { role: 'user', content: [{ type: 'input_image', image_url: 'x', detail: 'low' }] };
    expect(estimateResponseInput({ input: [image] })).toBe(6 + IMAGE_LOW);
  });
});

describe('estimateEmbeddingInput', () => {
  it('counts a text, texts, tokens and lists of tokens', () => {
    expect(estimateEmbeddingInput({ input: PROSE })).toBe(estimateTokens(PROSE));
    expect(estimateEmbeddingInput({ input: [PROSE, PROSE] })).toBe(2 * estimateTokens(PROSE));
    expect(estimateEmbeddingInput({ input: [1, 2, 3] })).toBe(3);
    expect(estimateEmbeddingInput({ input: [[1, 2, 3], [4]] })).toBe(4);
    expect(estimateEmbeddingInput({ input: [] })).toBe(0);
  });

  it('reads a huge list of tokens in bounded time', () => {
    expect(estimateEmbeddingInput({ input: Array<number>(1_000_000).fill(1) })).toBe(1_000_000);
  });
});

describe('hostile bodies', () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  cycle.list = [cycle, cycle];
  let deep: unknown = 'x';
  for (let i = 0; i < 50_000; i++) deep = [deep];
  const getter = {
    get messages(): never {
      throw new Error('no');
    },
    get input(): never {
      throw new Error('no');
    },
  };
  const bodies = [
    undefined,
    null,
    'x',
    7,
    [],
    {},
    hostile(),
    getter,
    { messages: hostile() },
    { messages: [hostile()] },
  ]
    .concat([{ messages: [cycle], tools: [{ function: { parameters: cycle } }], input: [cycle] }])
    .concat([{ messages: deep, input: deep, tools: [{ parameters: deep }] }])
    .concat([{ messages: { length: 1e9 }, input: { length: 1e9 } }, { input: [{ length: 1e300 }, Number.NaN] }])
    .concat([{ messages: Array(4e9 / 2).fill, input: new Array(2 ** 32 - 1) }]);

  it.each(bodies.map((body, index) => [index, body]))(
    'never throws, and answers a whole number (%d)',
    (_index, body) => {
      const start = process.cpuUsage();
      for (const estimate of [estimateChatInput, estimateResponseInput, estimateEmbeddingInput]) {
        const tokens = estimate(body);
        expect(Number.isSafeInteger(tokens) && tokens >= 0).toBe(true);
      }
      expect(process.cpuUsage(start).user).toBeLessThan(300_000);
    },
  );
});

it('no getter of a body is called: the SDK calls it once, and so it stays', () => {
  let calls = 0;
  const tool = {
    get function() {
      calls++;
      return { name: 'x' };
    },
  };
  const tools = Object.defineProperty([tool], '1', { enumerable: true, get: () => calls++ });
  expect(estimateChatInput({ messages: [{ role: 'user', content: 'hello there' }], tools })).toBeGreaterThan(0);
  expect(calls).toBe(0);
});
