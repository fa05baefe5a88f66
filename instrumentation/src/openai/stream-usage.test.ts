import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { setRecorder } from '../recorder/index.ts';
import { OpenAIInstrumentation } from './index.ts';
import { requireFrom } from './testing/places.mts';
import { RecorderDouble } from './testing/recorder.ts';
import { startTestServer, type TestServer } from './testing/server.mts';

// biome-ignore lint/suspicious/noExplicitAny: two majors of the SDK.
type Any = any;

const body = { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Say hello.' }] };

describe.each([7, 6] as const)('openai %i: usage in streams', (major) => {
  const recorder = new RecorderDouble();
  let instrumentation: OpenAIInstrumentation;
  let server: TestServer;
  let lib: Any;

  beforeAll(async () => {
    setRecorder(recorder);
    instrumentation = new OpenAIInstrumentation();
    lib = requireFrom[major]('openai');
    server = await startTestServer();
  });
  beforeEach(() => {
    recorder.clear();
    instrumentation.setConfig({ providerHosts: { '127.0.0.1': 'openai' } });
  });
  afterAll(async () => {
    instrumentation.disable();
    setRecorder(undefined);
    await server.close();
  });

  async function all(stream: AsyncIterable<unknown>): Promise<Any[]> {
    const chunks: unknown[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return chunks;
  }

  /** A client whose `prepareOptions`, the SDK's own hook, makes another body of the one to be sent. */
  function hooked(hook: (body: Any) => object): Any {
    class Hooked extends lib.OpenAI {
      async prepareOptions(options: Any) {
        options.body = hook(options.body);
      }
    }
    return new (Hooked as Any)({ apiKey: 'k', baseURL: server.url, maxRetries: 0 }).chat.completions;
  }

  test.each(['create', 'raw', 'helper'])('asked for by the application’s hook, it is the caller’s: %s', async (way) => {
    const own = hooked((sent) => ({ ...sent, stream_options: { include_usage: true } }));
    if (way === 'raw') {
      const response = await own.create({ ...body, stream: true }).asResponse();
      expect(await response.text()).toMatch(/"usage":null.*"usage":\{/s);
    } else {
      const chunks = await all(way === 'helper' ? own.stream(body) : await own.create({ ...body, stream: true }));
      expect(chunks[0].usage).toBeNull();
      expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 11 } });
    }
    expect(recorder.last.end).toMatchObject({ outcome: 'ok', estimated: false, tokens: { input: 11, output: 7 } });
  });

  test.each([
    ['leaves it', (sent: Any) => ({ ...sent, user: 'u' })],
    ['copies the whole body', (sent: Any) => structuredClone(sent)],
  ])('asked for by us, it is not shown to a caller whose hook %s', async (_, hook) => {
    const chunks = await all(await hooked(hook).create({ ...body, stream: true }));
    for (const chunk of chunks) expect(chunk).not.toHaveProperty('usage');
    expect(chunks.at(-1).choices).toHaveLength(1);
    expect(recorder.last.end).toMatchObject({ outcome: 'ok', estimated: false, tokens: { input: 11, output: 7 } });
  });

  // As quoted in https://discuss.ai.google.dev/t/127400.
  test.each([
    ['gcp.gemini', { input: 9, output: 96, reasoning: 93 }],
    ['gcp.vertex_ai', { input: 9, output: 96, reasoning: 93 }],
    ['mistral_ai', { input: 9, output: 3 }],
  ])('thinking that only the total tells of: %s', async (provider, tokens) => {
    instrumentation.setConfig({ providerHosts: { 'models.test': provider } });
    const chunk = (n: number) => ({
      id: 'g',
      choices: [{ index: 0, delta: { content: 'a' } }],
      usage: { completion_tokens: n, prompt_tokens: 9, total_tokens: n + 102 },
    });
    const events = [1, 3].map((n) => `data: ${JSON.stringify(chunk(n))}\n\n`).join('');
    const fetch = async (_: unknown, init: Any) =>
      JSON.parse(init.body).stream
        ? new Response(`${events}data: [DONE]\n\n`, { headers: { 'content-type': 'text/event-stream' } })
        : Response.json({ ...chunk(3), choices: [{ message: { content: 'aa' } }] });
    const completions = new lib.OpenAI({ apiKey: 'k', baseURL: 'http://models.test/v1', fetch }).chat.completions;
    await all(await completions.create({ ...body, stream: true }));
    await completions.create(body);
    for (const { end } of recorder.calls) expect(end).toMatchObject({ provider, estimated: false, tokens });
    expect(recorder.calls.map(({ end }) => end.tokens?.output)).toEqual([tokens.output, tokens.output]);
  });
});
