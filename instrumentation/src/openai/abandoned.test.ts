import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { setRecorder } from '../recorder/index.ts';
import { OpenAIInstrumentation } from './index.ts';
import { requireFrom } from './testing/places.mts';
import { RecorderDouble } from './testing/recorder.ts';

// biome-ignore lint/suspicious/noExplicitAny: two majors of the SDK.
type Any = any;

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

async function collect(done: () => boolean): Promise<void> {
  for (let i = 0; i < 100 && !done(); i += 1) {
    gc();
    await sleep(10);
  }
}

const body = { model: 'm', messages: [{ role: 'user', content: 'Say something.' }] };
const event = `data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, delta: { content: 'word' } }] })}\n\n`;
const usage = { prompt_tokens: 1_000, completion_tokens: 70 };
const lastEvent = `data: ${JSON.stringify({ id: 'c', choices: [], usage })}\n\n`;
const head = { headers: { 'content-type': 'text/event-stream' } };

/** As node-fetch's, which openai 4 brings. */
class NodeResponse {
  readonly ok = true;
  readonly status = 200;
  readonly headers = new Headers(head.headers);
  readonly #body: Readable;
  constructor(stream: Readable) {
    this.#body = stream;
  }
  get body() {
    return this.#body;
  }
  text() {
    return all(this.#body);
  }
}

async function all(parts: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const part of parts) text += Buffer.from(part).toString();
  return text;
}

async function rest(reader: Any): Promise<string> {
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += Buffer.from(value).toString();
  }
}

/** Takes hold of a body and lets go of its Response; the function that this returns gives the text. */
const WAYS: Readonly<Record<string, (response: Any) => () => Promise<string>>> = {
  'its text': (response) => {
    const text = response.text();
    return () => text;
  },
  'a Response over its body': ({ body: stream }) => {
    const text = new Response(stream, head).text();
    return () => text;
  },
  'a reader that begins later': (response) => {
    const reader = response.body.getReader();
    return () => rest(reader);
  },
  'a clone': (response) => {
    const copy = response.clone();
    return () => copy.text();
  },
  'the text of a Node stream': (response) => {
    const text = response.text();
    return () => text;
  },
  'a Node stream': ({ body: stream }) => {
    return () => all(stream);
  },
};

describe.each([7, 6] as const)('openai %i: answers that nobody will read', (major) => {
  const recorder = new RecorderDouble();
  let instrumentation: OpenAIInstrumentation;
  let client: Any;
  /** Lets the next event of the stream through. */
  let more: () => void;
  let finish: () => void;
  let node = false;

  beforeAll(() => {
    setRecorder(recorder);
    instrumentation = new OpenAIInstrumentation();
    const { OpenAI } = requireFrom[major]('openai') as Any;
    const fetch = async () => {
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({}, { highWaterMark: 10 });
      const writer = writable.getWriter();
      more = () => void writer.write(Buffer.from(event)).catch(() => {});
      finish = () => void writer.write(Buffer.from(lastEvent)).then(() => writer.close());
      more();
      return node ? new NodeResponse(Readable.fromWeb(readable as Any)) : new Response(readable, head);
    };
    client = new OpenAI({ apiKey: 'k', fetch, maxRetries: 0 });
  });
  beforeEach(() => recorder.clear());
  afterAll(() => {
    instrumentation.disable();
    setRecorder(undefined);
  });

  const ended = () => recorder.calls.length > 0;

  test('a stream that is dropped unread', async () => {
    await (async () => void (await client.chat.completions.create({ ...body, stream: true })))();
    await collect(ended);
    expect(recorder.last.end).toMatchObject({ outcome: 'aborted', estimated: true, billed: true });
  });

  test('a promise of a stream that is dropped', async () => {
    client.chat.completions.create({ ...body, stream: true });
    await sleep(20);
    await collect(ended);
    expect(recorder.last.end).toMatchObject({ outcome: 'aborted', estimated: true });
  });

  test('a raw Response that is dropped unread', async () => {
    await (async () => void (await client.chat.completions.create({ ...body, stream: true }).asResponse()))();
    await collect(ended);
    expect(recorder.last.end).toMatchObject({ outcome: 'aborted', estimated: true });
  });

  test('a raw Response whose body is dropped half way counts what came through', async () => {
    await (async () => {
      const response = await client.chat.completions.create({ ...body, stream: true }).asResponse();
      await response.body.getReader().read();
    })();
    await collect(ended);
    expect(recorder.last.end).toMatchObject({ outcome: 'aborted', estimated: true });
    expect(recorder.last.end.tokens?.output).toBeGreaterThan(0);
  });

  test.each(Object.keys(WAYS))('a raw body being read is not mistaken for one: by %s', async (way) => {
    node = way.includes('Node');
    const text = await (async () =>
      WAYS[way]!(await client.chat.completions.create({ ...body, stream: true }).asResponse()))();
    node = false;
    for (let i = 0; i < 10; i += 1) {
      gc();
      await sleep(5);
    }
    expect(recorder.calls).toEqual([]);
    more();
    finish();
    expect(await text()).toBe(event + event);
    expect(recorder.last.end).toMatchObject({ outcome: 'ok', estimated: false, tokens: { input: 1_000, output: 70 } });
  });

  test('an iterator that is dropped half way counts what came through', async () => {
    await (async () => {
      const stream = await client.chat.completions.create({ ...body, stream: true });
      await stream[Symbol.asyncIterator]().next();
    })();
    await collect(ended);
    expect(recorder.last.end).toMatchObject({ outcome: 'aborted', estimated: true });
    expect(recorder.last.end.tokens?.output).toBeGreaterThan(0);
  });

  test('a stream being read is not mistaken for one', async () => {
    const iterator = await (async () => {
      const stream = await client.chat.completions.create({ ...body, stream: true });
      return stream[Symbol.asyncIterator]() as AsyncIterator<unknown>;
    })();
    await iterator.next();
    const pending = iterator.next();
    for (let i = 0; i < 10; i += 1) {
      gc();
      await sleep(5);
    }
    expect(recorder.calls).toEqual([]);
    more();
    expect((await pending).done).toBe(false);
    for (let i = 0; i < 10; i += 1) {
      gc();
      await sleep(5);
    }
    expect(recorder.calls).toEqual([]);
    await iterator.return?.();
    expect(recorder.last.end.outcome).toBe('aborted');
  });
});
