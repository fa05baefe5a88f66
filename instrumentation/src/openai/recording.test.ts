import { context, createContextKey } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { endOpenCalls } from '../instrument/abandoned.ts';
import { setRecorder } from '../recorder/index.ts';
import { OpenAIInstrumentation } from './index.ts';
import { foreignFetch } from './testing/foreign-responses.mts';
import { requireFrom } from './testing/places.mts';
import { RecorderDouble } from './testing/recorder.ts';
import { startTestServer, type TestServer } from './testing/server.mts';

// biome-ignore lint/suspicious/noExplicitAny: two majors of the SDK.
type Any = any;

const messages = [{ role: 'user', content: 'Say hello.' }];
const chat = (more: object = {}): Any => ({ model: 'gpt-4o-mini', messages, ...more });
const chatTokens = { input: 11, output: 7, cacheRead: 4, reasoning: 2, inputAudio: 0, outputAudio: 0 };
const responseTokens = { input: 21, output: 9, cacheRead: 5, reasoning: 3 };
const turn = () => new Promise((resolve) => setTimeout(resolve, 30));

describe.each([7, 6] as const)('openai %i', (major) => {
  const recorder = new RecorderDouble();
  let instrumentation: OpenAIInstrumentation;
  let server: TestServer;
  let lib: Any;

  beforeAll(async () => {
    instrumentation = new OpenAIInstrumentation();
    lib = requireFrom[major]('openai');
    server = await startTestServer();
  });
  afterAll(async () => {
    instrumentation.disable();
    await server.close();
  });
  beforeEach(() => {
    setRecorder(recorder);
    recorder.clear();
    instrumentation.setConfig({ providerHosts: { '127.0.0.1': 'openai' } });
  });
  afterEach(() => {
    endOpenCalls();
    setRecorder(undefined);
  });

  const client = (options: object = {}): Any =>
    new lib.OpenAI({ apiKey: 'k', baseURL: server.url, maxRetries: 0, ...options });
  const only = () => {
    expect(recorder.calls.length).toBe(1);
    return recorder.last;
  };

  test.each([
    'a plain object',
    'a proxy',
    'one that cannot be changed in part',
    'a class with a constructor of its own',
  ])('a raw answer by a fetch of the application’s: %s', async (kind) => {
    const own = client({ fetch: foreignFetch(kind) });
    const raw = (more: object = {}) => own.chat.completions.create(chat(more)).asResponse();
    const text = async (response: Any) => response.text();
    await text(await raw());
    expect(only().end).toMatchObject({ outcome: 'ok', tokens: chatTokens });
    recorder.clear();
    const shown = await text(await raw({ stream: true }));
    expect(shown).toContain('friend');
    expect(shown).not.toContain('prompt_tokens');
    expect(only().end).toMatchObject({ outcome: 'ok', tokens: chatTokens });
  });

  test('a chat completion: all that the design’s table asks for', async () => {
    await client().chat.completions.create(chat());
    const { start, end } = only();
    expect(start).toEqual({
      service: 'openai',
      operation: 'chat_completion',
      spanName: 'chat gpt-4o-mini',
      attributes: { 'gen_ai.operation.name': 'chat', 'server.address': '127.0.0.1', 'server.port': server.port },
    });
    expect(end).toMatchObject({
      outcome: 'ok',
      provider: 'openai',
      requestModel: 'gpt-4o-mini',
      responseModel: 'gpt-4o-mini-2024-07-18',
      serviceTier: 'default',
      externalId: 'chatcmpl-1',
      tokens: chatTokens,
      estimated: false,
      billed: true,
      attributes: { 'gen_ai.response.finish_reasons': ['stop'] },
    });
  });

  test('responses and embeddings', async () => {
    await client().responses.create({ model: 'gpt-4o', input: 'x' });
    expect(only().start).toMatchObject({ operation: 'response', spanName: 'chat gpt-4o' });
    expect(only().end).toMatchObject({ externalId: 'resp_1', tokens: responseTokens, serviceTier: 'default' });
    recorder.clear();
    await client().embeddings.create({ model: 'text-embedding-3-small', input: 'x' });
    expect(only().start).toMatchObject({ operation: 'embedding', spanName: 'embeddings text-embedding-3-small' });
    expect(only().end).toMatchObject({ tokens: { input: 6, output: 0 } });
  });

  test('a stream whose caller did not ask: asked for, complete', async () => {
    for await (const _ of await client().chat.completions.create(
      chat({ stream: true, stream_options: { include_obfuscation: false } }),
    ));
    expect(server.seen.at(-1)?.body?.stream_options).toEqual({ include_obfuscation: false, include_usage: true });
    expect(only().end).toMatchObject({ outcome: 'ok', tokens: chatTokens, estimated: false, externalId: 'chatcmpl-1' });
  });

  test.each(['tee', 'toReadableStream', 'helper', 'asResponse text', 'asResponse clone', 'raw post'])(
    'a stream by %s has its reported usage',
    async (way) => {
      const completions = client().chat.completions;
      const body = chat({ stream: true });
      if (way === 'helper') await completions.stream(chat()).done();
      else if (way === 'asResponse text') await (await completions.create(body).asResponse()).text();
      else if (way === 'asResponse clone') {
        const response = await completions.create(body).asResponse();
        await Promise.all([response.clone().text(), response.text()]);
      } else if (way === 'raw post') {
        for await (const _ of await client().post('/chat/completions', { body, stream: true }));
      } else if (way === 'tee') {
        for (const branch of (await completions.create(body)).tee()) for await (const _ of branch);
      } else for await (const _ of (await completions.create(body)).toReadableStream());
      await turn();
      expect(only().end).toMatchObject({ outcome: 'ok', tokens: chatTokens, estimated: false });
    },
  );

  test('an unknown host is not asked; its stream is estimated from what came through', async () => {
    instrumentation.setConfig({});
    for await (const _ of await client().chat.completions.create(chat({ stream: true })));
    expect(server.seen.at(-1)?.body?.stream_options).toBeUndefined();
    const { start, end } = only();
    expect(start.service).toBe('openai_compatible');
    expect(end).toMatchObject({ outcome: 'ok', provider: 'openai_compatible', estimated: true });
    expect(end.tokens?.input).toBeGreaterThan(2);
    expect(end.tokens?.output).toBeGreaterThan(3);
    expect(end.tokens?.output).toBeLessThan(30);
  });

  test('a stream left early is aborted and estimated', async () => {
    for await (const chunk of await client().chat.completions.create(chat({ stream: true }))) {
      if (chunk.choices[0].delta.content) break;
    }
    expect(only().end).toMatchObject({ outcome: 'aborted', estimated: true, billed: true });
    expect(only().end.tokens?.output).toBe(1);
  });

  test('controller.abort() in the middle', async () => {
    const stream = await client().chat.completions.create(chat({ model: 'stalls', stream: true }));
    let chunks = 0;
    for await (const _ of stream) if (++chunks === 3) stream.controller.abort();
    expect(only().end).toMatchObject({ outcome: 'aborted', estimated: true });
  });

  test('a stream that breaks off, and one that ends in an error event', async () => {
    for (const model of ['breaks', 'error-event']) {
      recorder.clear();
      await expect(async () => {
        for await (const _ of await client().chat.completions.create(chat({ model, stream: true })));
      }).rejects.toThrow();
      expect(only().end, model).toMatchObject({ outcome: 'error', estimated: true, billed: true });
    }
  });

  test('a stream of the Responses API; one left early', async () => {
    for await (const _ of await client().responses.create({ model: 'gpt-4o', input: 'x', stream: true }));
    expect(only().end).toMatchObject({
      outcome: 'ok',
      tokens: responseTokens,
      estimated: false,
      serviceTier: 'default',
    });
    recorder.clear();
    for await (const event of await client().responses.create({ model: 'gpt-4o', input: 'x', stream: true })) {
      if (event.type === 'response.output_text.delta') break;
    }
    expect(only().end).toMatchObject({ outcome: 'aborted', estimated: true, externalId: 'resp_1' });
  });

  test('a background response is recorded unpriced, with the reason', async () => {
    await client().responses.create({ model: 'gpt-4o', input: 'x', background: true });
    expect(only().end).toMatchObject({ outcome: 'ok', externalId: 'resp_1', estimated: false });
    expect(only().end.tokens).toBeUndefined();
    expect(only().end.unpricedReason).toContain('background');
  });

  test('a failed response costs nothing', async () => {
    await client().responses.create({ model: 'fails', input: 'x' });
    expect(only().end).toMatchObject({ outcome: 'error', billed: false, errorType: 'server_error' });
  });

  test('failures: one event, no cost, the number of retries', async () => {
    await client({ maxRetries: 2 })
      .chat.completions.create(chat({ model: 'status-429' }))
      .catch(() => {});
    expect(only().end).toMatchObject({
      outcome: 'error',
      errorType: '429',
      billed: false,
      requestModel: 'status-429',
      attributes: { 'http.request.resend_count': 2 },
    });
    recorder.clear();
    await client({ maxRetries: 3 }).chat.completions.create(chat({ model: 'fails-twice' }));
    expect(only().end).toMatchObject({
      outcome: 'ok',
      tokens: chatTokens,
      attributes: { 'http.request.resend_count': 2 },
    });
  });

  test.each([
    ['hangs-up', {}, 'error', 'APIConnectionError', false],
    ['silent', { timeout: 30 }, 'error', 'APIConnectionTimeoutError', false],
    ['bad-json', {}, 'error', 'SyntaxError', true],
  ])('%s', async (model, options, outcome, errorType, billed) => {
    await client(options)
      .chat.completions.create(chat({ model }))
      .catch(() => {});
    expect(only().end).toMatchObject({ outcome, errorType, billed });
  });

  test('an aborted request with no answer costs nothing', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    await client()
      .chat.completions.create(chat({ model: 'silent' }), { signal: controller.signal })
      .catch(() => {});
    expect(only().end).toMatchObject({ outcome: 'aborted', errorType: 'APIUserAbortError', billed: false });
  });

  test('asResponse() and withResponse()', async () => {
    await (await client().chat.completions.create(chat()).asResponse()).json();
    await turn();
    expect(only().end).toMatchObject({ outcome: 'ok', tokens: chatTokens, estimated: false });
    recorder.clear();
    await client().chat.completions.create(chat()).withResponse();
    expect(only().end).toMatchObject({ outcome: 'ok', tokens: chatTokens, estimated: false });
  });

  test('nobody awaits: recorded when the answer has come', async () => {
    client().chat.completions.create(chat());
    await vi.waitFor(() => expect(recorder.calls.length).toBe(1), 5_000);
    expect(only().end).toMatchObject({ outcome: 'ok', tokens: chatTokens });
  });

  test('a stream nobody reads, and a call cut off by the end of the process', async () => {
    const stream = await client().chat.completions.create(chat({ stream: true }));
    const pending = client().chat.completions.create(chat({ model: 'silent' }));
    pending.catch(() => {});
    await turn();
    expect(recorder.calls).toEqual([]);
    endOpenCalls();
    expect(recorder.calls.map(({ end }) => [end.outcome, end.estimated, end.billed])).toEqual([
      ['aborted', true, true],
      ['aborted', false, false],
    ]);
    stream.controller.abort();
  });

  test('n > 1: one event with the sum that the provider reports, all choices in an estimate', async () => {
    const two = [0, 1].map((index) => ({
      index,
      delta: { content: 'one two three four five six' },
      finish_reason: null,
    }));
    const event = `data: ${JSON.stringify({ id: 'c', model: 'm', choices: two })}\n\n`;
    const fetch = async () => new Response(event, { headers: { 'content-type': 'text/event-stream' } });
    instrumentation.setConfig({});
    for await (const _ of await client({ fetch }).chat.completions.create(chat({ stream: true, n: 2 })));
    const both = only().end.tokens?.output ?? 0;
    expect(both).toBeGreaterThanOrEqual(10);
  });

  test('cumulative usage on every chunk: the last counts, and stays an estimate when left', async () => {
    const chunk = (n: number) => ({
      id: 'c',
      choices: [{ index: 0, delta: { content: 'a' } }],
      usage: { prompt_tokens: 5, completion_tokens: n },
    });
    const text = [1, 2, 3].map((n) => `data: ${JSON.stringify(chunk(n))}\n\n`).join('');
    const fetch = async () =>
      new Response(`${text}data: [DONE]\n\n`, { headers: { 'content-type': 'text/event-stream' } });
    const items: Any[] = [];
    for await (const item of await client({ fetch }).chat.completions.create(chat({ stream: true }))) items.push(item);
    expect(items.map((item) => item.usage.completion_tokens)).toEqual([1, 2, 3]);
    expect(only().end).toMatchObject({ tokens: { input: 5, output: 3 }, estimated: false });
    recorder.clear();
    for await (const _ of await client({ fetch }).chat.completions.create(chat({ stream: true }))) break;
    expect(only().end).toMatchObject({ tokens: { input: 5, output: 1 }, estimated: true, outcome: 'aborted' });
  });

  test('no usage in a plain answer: estimated', async () => {
    const answer = { id: 'c', model: 'm', choices: [{ message: { content: 'hello world' }, finish_reason: 'stop' }] };
    const fetch = async () => Response.json(answer);
    await client({ fetch }).chat.completions.create(chat());
    expect(only().end).toMatchObject({ outcome: 'ok', estimated: true, responseModel: 'm' });
    expect(only().end.tokens?.output).toBeGreaterThan(0);
  });

  test('the SDK works in the call’s context, the caller’s code does not', async () => {
    const manager = new AsyncLocalStorageContextManager().enable();
    context.setGlobalContextManager(manager);
    try {
      const key = createContextKey('billable');
      const inFetch: unknown[] = [];
      setRecorder({
        start: (call) => ({ ...recorder.start(call), context: context.active().setValue(key, 'yes') }),
      });
      const own = async (url: Any, init: Any) => {
        inFetch.push(context.active().getValue(key));
        return fetch(url, init);
      };
      const seen: unknown[] = [];
      await client({ fetch: own })
        .chat.completions.create(chat())
        .then(() => seen.push(context.active().getValue(key)));
      await client({ fetch: own, maxRetries: 2 })
        .chat.completions.create(chat({ model: 'status-500' }))
        .catch(() => {});
      for await (const _ of await client({ fetch: own }).chat.completions.create(chat({ stream: true })))
        seen.push(context.active().getValue(key));
      expect(inFetch).toEqual(['yes', 'yes', 'yes', 'yes', 'yes']);
      expect(new Set(seen)).toEqual(new Set([undefined]));
    } finally {
      context.disable();
      manager.disable();
    }
  });

  test('hostile answers are recorded and reach the caller as they are', async () => {
    const hostile = new Proxy({}, { get: (_target, name) => (name === 'then' ? undefined : assertNever()) });
    const completions = client().chat.completions;
    const answer = await completions.create(chat())._thenUnwrap(() => hostile);
    expect(answer).toBe(hostile);
    recorder.clear();
    const text = '{"id":{"a":1},"model":5,"choices":"no","usage":{"prompt_tokens":"x","completion_tokens":{}}}';
    const fetch = async () => new Response(text, { headers: { 'content-type': 'application/json' } });
    const odd = await client({ fetch }).chat.completions.create(chat());
    expect(odd.usage.prompt_tokens).toBe('x');
    expect(only().end.tokens).toEqual({ input: Number.NaN, output: Number.NaN });
  });

  test('of a stream that cannot be watched no usage is asked for', async () => {
    const { hasOwn } = Object;
    const broken = vi.spyOn(Object, 'hasOwn').mockImplementation((object, key) => {
      if (key === '_thenUnwrap') assertNever();
      return hasOwn(object, key);
    });
    const promise = client().chat.completions.create(chat({ stream: true }));
    broken.mockRestore();
    const chunks: Any[] = [];
    for await (const chunk of await promise) chunks.push(chunk);
    expect(server.seen.at(-1)?.body).not.toHaveProperty('stream_options');
    expect(chunks.length).toBeGreaterThan(2);
    for (const chunk of chunks) expect(chunk).not.toHaveProperty('usage');
    // Past us: known is only that it was made.
    endOpenCalls();
    expect(only().end).toMatchObject({ estimated: true });
  });

  test('a recorder that throws disturbs nobody', async () => {
    setRecorder({
      start() {
        throw new Error('broken');
      },
    });
    expect((await client().chat.completions.create(chat())).id).toBe('chatcmpl-1');
  });
});

function assertNever(): never {
  throw new Error('looked at');
}
