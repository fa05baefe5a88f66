import OpenAI, {
  APIConnectionError,
  APIConnectionTimeoutError,
  AuthenticationError,
  BadRequestError,
  NotFoundError,
  RateLimitError,
} from 'openai';
import { afterEach, expect, it } from 'vitest';
import { createOpenAIStandIn, type OpenAIStandIn, type OpenAIStandInOptions, type StandInScript } from './index.ts';

let standIn: OpenAIStandIn | undefined;
afterEach(async () => {
  await standIn?.close();
  standIn = undefined;
});

async function start(options: OpenAIStandInOptions = {}, client: object = {}) {
  standIn = await createOpenAIStandIn(options);
  return new OpenAI({ baseURL: standIn.url, apiKey: 'sk-test', maxRetries: 0, ...client });
}

const scripted = (script: StandInScript) => ({ headers: { 'x-stand-in': JSON.stringify(script) } });
const hello = { model: 'gpt-4o-mini', messages: [{ role: 'user' as const, content: 'Hello there' }] };

it('answers a chat completion with the scripted usage', async () => {
  const openai = await start();
  const usage = { input: 374, output: 44, cached: 128, reasoning: 7 };
  const { data, request_id } = await openai.chat.completions
    .create(hello, scripted({ usage, text: 'Good day', serviceTier: 'flex' }))
    .withResponse();
  expect(data.choices[0]?.message.content).toBe('Good day');
  expect(data.model).toBe('gpt-4o-mini-2024-07-18');
  expect(data.service_tier).toBe('flex');
  expect(data.usage).toMatchObject({ prompt_tokens: 374, completion_tokens: 44, total_tokens: 418 });
  expect(data.usage?.prompt_tokens_details?.cached_tokens).toBe(128);
  expect(data.usage?.completion_tokens_details?.reasoning_tokens).toBe(7);
  expect(request_id).toMatch(/^req_/);
  expect(standIn?.requests).toHaveLength(1);
  expect(standIn?.requests[0]).toMatchObject({
    path: '/v1/chat/completions',
    status: 200,
    id: data.id,
    requestId: request_id,
    usage,
  });
});

it('lets the process that runs it say the usage, which wins over the request', async () => {
  const openai = await start({ usage: (request) => ({ input: request.body.messages[0].content.length, output: 2 }) });
  const answer = await openai.chat.completions.create(hello, scripted({ usage: { input: 1 } }));
  expect(answer.usage).toMatchObject({ prompt_tokens: 11, completion_tokens: 2 });
});

it('approximates what nobody scripted', async () => {
  const openai = await start();
  const answer = await openai.chat.completions.create(hello);
  expect(answer.usage?.prompt_tokens).toBe(6);
  expect(answer.usage?.completion_tokens).toBeGreaterThan(5);
});

it('streams without a word about usage when the caller does not ask', async () => {
  const openai = await start();
  const chunks = [];
  for await (const chunk of await openai.chat.completions.create({ ...hello, stream: true })) chunks.push(chunk);
  expect(chunks.every((chunk) => chunk.choices.length === 1 && !('usage' in chunk))).toBe(true);
  expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
});

it('streams usage as null and then in one last chunk without choices when asked', async () => {
  const openai = await start();
  const chunks = [];
  const stream = await openai.chat.completions.create(
    { ...hello, stream: true, stream_options: { include_usage: true } },
    scripted({ usage: { input: 10, output: 3 }, text: 'abcdef', chunks: 3 }),
  );
  for await (const chunk of stream) chunks.push(chunk);
  const last = chunks.pop();
  expect(last?.choices).toEqual([]);
  expect(last?.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 3 });
  expect(chunks.every((chunk) => chunk.usage === null)).toBe(true);
  expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '')).toEqual(['', 'ab', 'cd', 'ef', '']);
});

it('ends a stream with [DONE] on the wire', async () => {
  await start();
  const body = JSON.stringify({ ...hello, stream: true });
  const headers = { authorization: 'Bearer sk-test', 'content-type': 'application/json' };
  const text = await (await fetch(`${standIn?.url}/chat/completions`, { method: 'POST', headers, body })).text();
  expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
});

it('calls the scripted tools until their result is there, plain and streamed', async () => {
  const openai = await start();
  const tool = {
    type: 'function' as const,
    function: {
      name: 'add',
      parameters: { type: 'object', properties: {} },
      parse: JSON.parse,
      function: ({ a, b }: { a: number; b: number }) => String(a + b),
    },
  };
  const script = scripted({ toolCalls: [{ name: 'add', arguments: { a: 2, b: 3 } }], text: 'five' });
  for (const stream of [false, true]) {
    // biome-ignore lint/suspicious/noExplicitAny: the two overloads
    const runner = openai.chat.completions.runTools({ ...hello, stream, tools: [tool] } as any, script);
    expect(await runner.finalContent()).toBe('five');
    expect(await runner.finalFunctionToolCallResult()).toBe('5');
  }
});

it('gives structured output that the SDK can parse', async () => {
  const openai = await start();
  const schema = { type: 'object', properties: { name: { type: 'string' }, size: { type: 'integer' } } };
  const answer = await openai.chat.completions.parse({
    ...hello,
    response_format: { type: 'json_schema', json_schema: { name: 'thing', schema, strict: true } },
  });
  expect(JSON.parse(answer.choices[0]?.message.content ?? '')).toEqual({ name: 'text', size: 1 });
});

it('answers a response, plain and streamed to response.completed', async () => {
  const openai = await start();
  const script = scripted({ usage: { input: 20, output: 9, cached: 4, reasoning: 2 }, text: 'one two' });
  const plain = await openai.responses.create({ model: 'gpt-4o', input: 'hi' }, script);
  expect(plain.output_text).toBe('one two');
  expect(plain.usage).toMatchObject({ input_tokens: 20, output_tokens: 9, total_tokens: 29 });
  expect(plain.usage?.input_tokens_details.cached_tokens).toBe(4);

  const types = [];
  const stream = openai.responses.stream({ model: 'gpt-4o', input: 'hi' }, script);
  for await (const event of stream) types.push(event.type);
  expect(types[0]).toBe('response.created');
  expect(types.filter((type) => type === 'response.output_text.delta')).toHaveLength(2);
  expect(types.at(-1)).toBe('response.completed');
  expect((await stream.finalResponse()).usage).toEqual(plain.usage);
});

it('embeds as floats and as base64 alike', async () => {
  const openai = await start();
  const request = { model: 'text-embedding-3-small', input: ['a cat', 'a dog'] };
  const floats = await openai.embeddings.create({ ...request, encoding_format: 'float' });
  // The SDK asks for base64 by itself and decodes it.
  const decoded = await openai.embeddings.create(request);
  expect(standIn?.requests[1]?.body.encoding_format).toBe('base64');
  expect(decoded.data[1]?.embedding).toEqual(floats.data[1]?.embedding);
  expect(floats.data[0]?.embedding).toHaveLength(1536);
  expect(floats.data[0]?.embedding).not.toEqual(floats.data[1]?.embedding);
  expect(floats.usage).toEqual({ prompt_tokens: 4, total_tokens: 4 });
});

it('refuses like OpenAI: wrong key, unknown model, invalid request, unknown path', async () => {
  const openai = await start();
  await expect(openai.withOptions({ apiKey: 'sk-wrong' }).chat.completions.create(hello)).rejects.toThrow(
    AuthenticationError,
  );
  await expect(openai.chat.completions.create({ ...hello, model: 'no-such' })).rejects.toThrow(NotFoundError);
  await expect(openai.chat.completions.create({ ...hello, messages: [] })).rejects.toThrow(BadRequestError);
  await expect(openai.post('/nowhere', { body: {} })).rejects.toThrow(NotFoundError);
  expect((await fetch(`${standIn?.url}/embeddings`, { method: 'POST', body: '{}' })).status).toBe(401);
});

it('fails the first attempts and then answers the retry', async () => {
  const openai = await start({}, { maxRetries: 2 });
  const failure = { status: 429, retryAfterMs: 5, times: 2 };
  const answer = await openai.chat.completions.create(hello, scripted({ failure }));
  expect(answer.choices[0]?.message.content).toBeTruthy();
  expect(standIn?.requests.map((request) => request.status)).toEqual([429, 429, 200]);
  expect(standIn?.requests.map((request) => request.usage !== undefined)).toEqual([false, false, true]);
  await expect(openai.chat.completions.create(hello, scripted({ failure: { status: 429, retryAfterMs: 1 } })))
    .rejects //
    .toThrow(RateLimitError);
});

it('resets, hangs and breaks a stream off', async () => {
  const openai = await start();
  await expect(openai.chat.completions.create(hello, scripted({ failure: { reset: true } }))).rejects.toThrow(
    APIConnectionError,
  );
  await expect(
    openai.chat.completions.create(hello, { ...scripted({ failure: { hang: true } }), timeout: 50 }),
  ).rejects.toThrow(APIConnectionTimeoutError);
  const stream = await openai.chat.completions.create(
    { ...hello, stream: true },
    scripted({ failure: { breakAfterChunks: 3 } }),
  );
  let seen = 0;
  const read = async () => {
    for await (const _ of stream) seen += 1;
  };
  await expect(read()).rejects.toThrow();
  expect(seen).toBe(3);
});

it("serves Azure's paths with their header", async () => {
  await start();
  const url = `http://127.0.0.1:${standIn?.port}/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21`;
  const body = JSON.stringify({ ...hello, model: 'my-gpt' });
  const answer = await fetch(url, { method: 'POST', headers: { 'api-key': 'k' }, body });
  expect(answer.status).toBe(200);
});

it('names a script that it cannot read', async () => {
  const openai = await start();
  await expect(openai.chat.completions.create({ ...hello, user: '{broken' })).rejects.toThrow(/script is not JSON/);
});
