import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { setRecorder } from '../recorder/index.ts';
import { OpenAIInstrumentation } from './index.ts';
import { requireFrom } from './testing/places.mts';
import { RecorderDouble } from './testing/recorder.ts';

// biome-ignore lint/suspicious/noExplicitAny: two majors of the SDK.
type Any = any;

const event = (chunk: object) => `data: ${JSON.stringify(chunk)}\n\n`;
const usage = { prompt_tokens: 1_000, completion_tokens: 70 };
const word = { id: 'c', choices: [{ index: 0, delta: { content: 'word' } }] };
const last = event({ id: 'c', choices: [], usage });
const whole = JSON.stringify({ id: 'c', model: 'm', choices: [{ message: { content: 'word' } }], usage });

/** One body of the application's own making. */
function bodyOf(chunks: readonly Uint8Array[], error?: Error): ReadableStream<Uint8Array> {
  const left = [...chunks];
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = left.shift();
      if (chunk) controller.enqueue(chunk);
      else if (error) controller.error(error);
      else controller.close();
    },
  });
}

describe.each([7, 6] as const)('openai %i: bytes of a raw answer', (major) => {
  const recorder = new RecorderDouble();
  let instrumentation: OpenAIInstrumentation;
  let lib: Any;

  beforeAll(() => {
    setRecorder(recorder);
    instrumentation = new OpenAIInstrumentation();
    lib = requireFrom[major]('openai');
  });
  beforeEach(() => recorder.clear());
  afterAll(() => {
    instrumentation.disable();
    setRecorder(undefined);
  });

  const completions = (fetch: () => Promise<unknown>): Any =>
    new lib.OpenAI({ apiKey: 'k', fetch, maxRetries: 0 }).chat.completions;
  const responseOf = (body: ReadableStream, type = 'text/event-stream') =>
    new Response(body, { headers: { 'content-type': type } });
  const messages = [{ role: 'user', content: 'Say something.' }];
  /** A raw stream by a caller who asks for the usage, so that nothing is cut out of it; or who does not. */
  const raw = (fetch: () => Promise<unknown>, asks = true): Promise<Response> =>
    completions(fetch)
      .create({ model: 'm', messages, stream: true, ...(asks ? { stream_options: { include_usage: true } } : {}) })
      .asResponse();

  test('chunks are the application’s: a constant is there for the next answer too', async () => {
    const constant = new TextEncoder().encode(event(word) + last);
    for (let i = 0; i < 2; i += 1) {
      const response = await raw(async () => responseOf(bodyOf([constant])));
      expect(await response.text()).toBe(event(word) + last);
      expect(recorder.last.end).toMatchObject({ outcome: 'ok', tokens: { input: 1_000, output: 70 } });
    }
    expect(constant.length).toBeGreaterThan(0);
  });

  test('chunks out of the pool of Buffer leave their neighbours alone', async () => {
    const neighbour = Buffer.from('neighbour');
    const pooled = [Buffer.from(event(word)), Buffer.from(last)];
    expect(await (await raw(async () => responseOf(bodyOf(pooled)))).text()).toBe(event(word) + last);
    expect(neighbour.toString()).toBe('neighbour');
    expect(recorder.last.end).toMatchObject({ outcome: 'ok', tokens: { input: 1_000, output: 70 } });
  });

  test('chunks that a clone has as well', async () => {
    let copy: Promise<string> | undefined;
    const response = await raw(async () => {
      const answer = responseOf(bodyOf([Buffer.from(event(word)), Buffer.from(last)]));
      const clone = answer.clone();
      copy = sleep(20).then(() => clone.text());
      return answer;
    });
    expect(await response.text()).toBe(event(word) + last);
    expect(await copy).toBe(event(word) + last);
  });

  test.each([true, false])('nothing is read ahead; the caller asks for usage: %s', async (asks) => {
    const left = [1, 2, 3].map(() => Buffer.from(event(word)));
    const source = new ReadableStream<Uint8Array>(
      { pull: (controller) => (left.length > 0 ? controller.enqueue(left.pop()!) : controller.close()) },
      { highWaterMark: 0 },
    );
    const response = await raw(async () => responseOf(source), asks);
    const reader = response.body!.getReader();
    for (const remaining of [2, 1, 0]) {
      await reader.read();
      await sleep(5);
      expect(left.length).toBe(remaining);
    }
    expect((await reader.read()).done).toBe(true);
  });

  test('a JSON body in Buffers', async () => {
    const own = completions(async () => responseOf(bodyOf([Buffer.from(whole)]), 'application/json'));
    const response = await own.create({ model: 'm', messages }).asResponse();
    expect(await response.json()).toMatchObject({ usage });
    expect(recorder.last.end).toMatchObject({ outcome: 'ok', estimated: false, tokens: { input: 1_000, output: 70 } });
  });

  test('an error in place of the first chunk: nothing was generated, nothing is billed', async () => {
    const failing = async (error: object) => {
      const response = await raw(async () => responseOf(bodyOf([Buffer.from(event({ error }))])));
      await response.text();
      return recorder.last.end;
    };
    const error = { message: 'overloaded', type: 'server_error', code: 'overloaded' };
    expect(await failing(error)).toMatchObject({ outcome: 'error', billed: false, errorType: 'overloaded' });
    // Prose in place of a code may quote the prompt.
    const prose = await failing({ code: 'I cannot answer "Say something."' });
    expect(prose).toMatchObject({ outcome: 'error', billed: false });
    expect(prose.errorType).toBeUndefined();
  });

  test.each([true, false])('a stream that breaks off within an event; the caller asks for usage: %s', async (asks) => {
    const broken = new Error('broken off');
    const parts = [Buffer.from(event(word)), Buffer.from('data: {"par')];
    const response = await raw(async () => responseOf(bodyOf(parts, broken)), asks);
    let text = '';
    const read = async () => {
      for await (const part of response.body as Any) text += Buffer.from(part).toString();
    };
    await expect(read()).rejects.toBe(broken);
    expect(text).toBe(`${event(word)}data: {"par`);
    expect(recorder.last.end).toMatchObject({ outcome: 'error', estimated: true, billed: true });
    expect(recorder.calls.length).toBe(1);
  });
});
