/*
 * Every way to consume a call of the openai package, as one script that prints what the caller sees. It runs with and
 * without the instrumentation, on any major; what an SDK does not have is printed as missing in both.
 */
import { FOREIGN, foreignFetch } from './foreign-responses.mts';
import { type Seen, startTestServer, type TestServer } from './server.mts';

// biome-ignore lint/suspicious/noExplicitAny: one script for all majors of the SDK.
type Any = any;

interface World {
  /** The module: `OpenAI`, its error classes, `AzureOpenAI`. */
  readonly lib: Any;
  readonly server: TestServer;
  client(options?: Record<string, unknown>): Any;
}

type Shape = (world: World) => Promise<unknown>;

const messages = [{ role: 'user', content: 'Say hello.' }];
const chat = (more: object = {}): Any => ({ model: 'gpt-4o-mini', messages, ...more });
const streamed = (more: object = {}): Any => chat({ stream: true, ...more });
const ask = (more: object = {}): Any => ({ model: 'gpt-4o-mini', input: 'Say hello.', ...more });
const schema = {
  type: 'object',
  properties: { answer: { type: 'number' } },
  required: ['answer'],
  additionalProperties: false,
};
const format = { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } };
const tools = [
  {
    type: 'function',
    function: {
      name: 'add',
      parameters: { type: 'object', properties: {} },
      parse: JSON.parse,
      function: ({ a, b }: Any) => `${a + b}`,
    },
  },
];

async function all(iterable: AsyncIterable<unknown>, limit = Number.POSITIVE_INFINITY): Promise<unknown[]> {
  const items: unknown[] = [];
  for await (const item of iterable) {
    items.push(item);
    if (items.length >= limit) break;
  }
  return items;
}

/** Bytes of a web stream (fetch) or a Node stream (node-fetch). */
async function bytes(body: Any): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function failure(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return { returned: await work() };
  } catch (error) {
    const { name, message, status, code, type, headers, request_id: id, cause } = error as Any;
    const classes: string[] = [];
    for (let proto = Object.getPrototypeOf(error); proto; proto = Object.getPrototypeOf(proto))
      classes.push(proto.constructor.name);
    const requestId = typeof headers?.get === 'function' ? headers.get('x-request-id') : headers?.['x-request-id'];
    return { name, message, status, code, type, requestId, id, cause: cause?.constructor?.name, classes };
  }
}

/** Waits for something that a busy machine may be slow to do; at most 5 s. */
async function until(server: TestServer, done: (before: number) => boolean): Promise<void> {
  const before = server.seen.length;
  for (let i = 0; i < 500 && !done(before); i += 1) await later(10);
}

const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const chatHelpers = (client: Any) =>
  client.chat.completions.stream ? client.chat.completions : client.beta?.chat?.completions;
const collectEvents = (helper: Any, names: string[]) => {
  const events: unknown[] = [];
  for (const name of names)
    helper.on(name, (...args: unknown[]) => events.push([name, JSON.parse(JSON.stringify(args))]));
  return events;
};

export const SHAPES: Record<string, Shape> = {
  await: (w) => w.client().chat.completions.create(chat()),
  'then catch finally': async (w) => {
    const order: string[] = [];
    const data = await w
      .client()
      .chat.completions.create(chat())
      .finally(() => order.push('finally'))
      .then((value: Any) => {
        order.push('then');
        return value.id;
      })
      .catch(() => order.push('catch'));
    return { data, order };
  },
  'what the promise is': async (w) => {
    const promise = w.client().chat.completions.create(chat());
    const { name } = promise.constructor;
    const parsing = promise.parse?.();
    const same = parsing === promise.parse?.();
    await promise;
    return {
      name,
      isPromise: promise instanceof Promise,
      same,
      exported: w.lib.APIPromise && promise instanceof w.lib.APIPromise,
    };
  },
  'awaited twice': async (w) => {
    const promise = w.client().chat.completions.create(chat());
    const first = await promise;
    return first === (await promise);
  },
  withResponse: async (w) => {
    const { data, response, request_id: id } = await w.client().chat.completions.create(chat()).withResponse();
    return { data, status: response.status, header: response.headers.get('x-request-id'), used: response.bodyUsed, id };
  },
  'asResponse json': async (w) => {
    const response = await w.client().chat.completions.create(chat()).asResponse();
    const before = response.bodyUsed;
    const data = await response.json();
    const name = response.constructor.name;
    return {
      data,
      before,
      after: response.bodyUsed,
      name,
      ok: response.ok,
      url: response.url.replace(/:\d+/, ''),
      type: response.type,
    };
  },
  'asResponse text twice': async (w) => {
    const response = await w.client().chat.completions.create(chat()).asResponse();
    const text = await response.text();
    return { text, again: ((await failure(() => response.text())) as Any).name };
  },
  'asResponse body': async (w) => {
    const response = await w.client().chat.completions.create(chat()).asResponse();
    const { body } = response;
    return { same: body === response.body, text: await bytes(body), used: response.bodyUsed };
  },
  'asResponse clone': async (w) => {
    const response = await w.client().chat.completions.create(chat()).asResponse();
    const copy = response.clone();
    return {
      status: copy.status,
      url: copy.url.replace(/:\d+/, ''),
      copy: await copy.json(),
      original: await response.json(),
    };
  },
  'asResponse then await': async (w) => {
    const promise = w.client().chat.completions.create(chat());
    const response = await promise.asResponse();
    return { status: response.status, data: await promise };
  },
  'asResponse unread': async (w) => (await w.client().chat.completions.create(chat()).asResponse()).status,
  'asResponse of a stream': async (w) => {
    const response = await w.client().chat.completions.create(streamed()).asResponse();
    return { status: response.status, text: await response.text() };
  },
  'asResponse of a stream, left': async (w) => {
    const response = await w.client().chat.completions.create(streamed()).asResponse();
    // Packets may come together; the first event is all that counts.
    for await (const part of response.body) return Buffer.from(part).toString().split('\n\n')[0];
  },
  'asResponse of a stream, then await': async (w) => {
    const promise = w.client().chat.completions.create(streamed());
    await promise.asResponse();
    return all(await promise);
  },
  'asResponse of a stream that somebody else awaited': async (w) => {
    const promise = w.client().chat.completions.create(streamed());
    // As an instrumentation of somebody else does.
    promise.then(() => {});
    const response = await promise.asResponse();
    return { text: await bytes(response.body), used: response.bodyUsed };
  },
  'withResponse of a stream': async (w) => {
    const { data, response } = await w.client().chat.completions.create(streamed()).withResponse();
    return { status: response.status, before: response.bodyUsed, items: await all(data), after: response.bodyUsed };
  },
  'withResponse of a stream, left': async (w) => {
    const { data, response } = await w.client().chat.completions.create(streamed()).withResponse();
    return { items: await all(data, 2), used: response.bodyUsed };
  },
  'withResponse of a stream, read raw': async (w) => {
    const { data, response } = await w.client().chat.completions.create(streamed()).withResponse();
    return { text: await response.text(), data: await failure(() => all(data)) };
  },
  'asResponse of a failure': (w) =>
    failure(() =>
      w
        .client()
        .chat.completions.create(chat({ model: 'status-400' }))
        .asResponse(),
    ),
  'parse helper': async (w) => {
    const helpers = w.client().chat.completions.parse ? w.client().chat.completions : w.client().beta.chat.completions;
    return helpers.parse(chat({ response_format: format }));
  },
  'parse helper withResponse': async (w) => {
    const helpers = w.client().chat.completions.parse ? w.client().chat.completions : w.client().beta.chat.completions;
    const { data, response } = await helpers.parse(chat({ response_format: format })).withResponse();
    return { data, status: response.status };
  },
  'parse helper, too long': (w) =>
    failure(() => {
      const helpers = w.client().chat.completions.parse
        ? w.client().chat.completions
        : w.client().beta.chat.completions;
      return helpers.parse(chat({ model: 'too-long', response_format: format }));
    }),
  'stream for await': async (w) => all(await w.client().chat.completions.create(streamed())),
  'stream with usage': async (w) =>
    all(await w.client().chat.completions.create(streamed({ stream_options: { include_usage: true } }))),
  'stream without usage said': async (w) =>
    all(await w.client().chat.completions.create(streamed({ stream_options: { include_usage: false } }))),
  'stream azure-like': async (w) => all(await w.client().chat.completions.create(streamed({ model: 'azure-like' }))),
  'stream n 2': async (w) => all(await w.client().chat.completions.create(streamed({ n: 2 }))),
  'stream break': async (w) => {
    const stream = await w.client().chat.completions.create(streamed());
    return { items: await all(stream, 2), aborted: stream.controller.signal.aborted };
  },
  'stream by hand': async (w) => {
    const iterator = (await w.client().chat.completions.create(streamed()))[Symbol.asyncIterator]();
    const first = await iterator.next();
    return { first, returned: await iterator.return('x'), after: await iterator.next() };
  },
  'stream twice': async (w) => {
    const stream = await w.client().chat.completions.create(streamed());
    await all(stream);
    return failure(() => all(stream));
  },
  'stream withResponse': async (w) => {
    const { data, response } = await w.client().chat.completions.create(streamed()).withResponse();
    return { type: response.headers.get('content-type'), items: await all(data) };
  },
  'stream what it is': async (w) => {
    const stream = await w.client().chat.completions.create(streamed());
    const keys = Object.keys(stream).sort();
    stream.controller.abort();
    return { name: stream.constructor.name, keys, signal: stream.controller.signal.aborted };
  },
  'stream tee': async (w) => {
    const [left, right] = (await w.client().chat.completions.create(streamed())).tee();
    return Promise.all([all(left), all(right)]);
  },
  'stream tee, one left': async (w) => {
    const [left, right] = (await w.client().chat.completions.create(streamed())).tee();
    return [await all(left, 2), await all(right)];
  },
  'stream toReadableStream': async (w) =>
    bytes((await w.client().chat.completions.create(streamed())).toReadableStream()),
  'stream controller.abort': async (w) => {
    const stream = await w.client().chat.completions.create(streamed({ model: 'stalls' }));
    const items: unknown[] = [];
    for await (const item of stream) {
      items.push(item);
      if (items.length === 3) stream.controller.abort();
    }
    return items;
  },
  'stream signal': async (w) => {
    const controller = new AbortController();
    const stream = await w
      .client()
      .chat.completions.create(streamed({ model: 'stalls' }), { signal: controller.signal });
    const items: unknown[] = [];
    const end = await failure(async () => {
      for await (const item of stream) {
        items.push(item);
        if (items.length === 3) controller.abort();
      }
    });
    return { items, end };
  },
  'stream breaks off': async (w) => {
    const items: unknown[] = [];
    const end = await failure(async () => {
      for await (const item of await w.client().chat.completions.create(streamed({ model: 'breaks' })))
        items.push(item);
    });
    return { items, end };
  },
  'stream error event': async (w) => {
    const items: unknown[] = [];
    const end = await failure(async () => {
      for await (const item of await w.client().chat.completions.create(streamed({ model: 'error-event' })))
        items.push(item);
    });
    return { items, end };
  },
  'stream error in the loop': async (w) =>
    failure(async () => {
      for await (const _ of await w.client().chat.completions.create(streamed())) throw new TypeError('mine');
    }),
  'stream refused': (w) => failure(() => w.client().chat.completions.create(streamed({ model: 'status-401' }))),
  'stream helper': async (w) => {
    const helper = chatHelpers(w.client()).stream(chat());
    const events = collectEvents(helper, ['connect', 'content', 'chunk', 'message', 'finalContent', 'end']);
    return {
      final: await helper.finalChatCompletion(),
      message: await helper.finalMessage(),
      usage: await failure(() => helper.totalUsage()),
      events,
    };
  },
  'stream helper for await': async (w) => all(chatHelpers(w.client()).stream(chat())),
  'stream helper toReadableStream': async (w) => bytes(chatHelpers(w.client()).stream(chat()).toReadableStream()),
  'stream helper abort': async (w) => {
    const helper = chatHelpers(w.client()).stream(chat({ model: 'stalls' }));
    const events = collectEvents(helper, ['abort', 'error', 'end']);
    helper.once('content', () => helper.abort());
    return { end: await failure(() => helper.done()), events };
  },
  'stream helper failing': async (w) => {
    const helper = chatHelpers(w.client()).stream(chat({ model: 'status-400' }));
    const events = collectEvents(helper, ['abort', 'error', 'end']);
    return { end: await failure(() => helper.done()), events };
  },
  runTools: async (w) => {
    const client = w.client();
    const helpers = client.chat.completions.runTools ? client.chat.completions : client.beta.chat.completions;
    const runner = helpers.runTools(chat({ tools }));
    const events = collectEvents(runner, ['message', 'functionCall', 'functionCallResult', 'end']);
    return { content: await runner.finalContent(), usage: await failure(() => runner.totalUsage()), events };
  },
  'runTools stream': async (w) => {
    const client = w.client();
    const helpers = client.chat.completions.runTools ? client.chat.completions : client.beta.chat.completions;
    const runner = helpers.runTools(chat({ tools, stream: true }));
    const events = collectEvents(runner, ['message', 'functionCall', 'functionCallResult', 'end']);
    return { content: await runner.finalContent(), events };
  },
  'error 400': (w) => failure(() => w.client().chat.completions.create(chat({ model: 'status-400' }))),
  'error 401': (w) => failure(() => w.client().chat.completions.create(chat({ model: 'status-401' }))),
  'error 429 retried': (w) =>
    failure(() => w.client({ maxRetries: 2 }).chat.completions.create(chat({ model: 'status-429' }))),
  'error 500 withResponse': (w) =>
    failure(() =>
      w
        .client()
        .chat.completions.create(chat({ model: 'status-500' }))
        .withResponse(),
    ),
  'error instanceof': async (w) => {
    const error = await w
      .client()
      .chat.completions.create(chat({ model: 'status-429' }))
      .catch((caught: unknown) => caught);
    return [
      error instanceof w.lib.OpenAI.RateLimitError,
      error instanceof w.lib.OpenAI.APIError,
      error instanceof Error,
    ];
  },
  'retries and succeeds': async (w) =>
    w.client({ maxRetries: 3 }).chat.completions.create(chat({ model: 'fails-twice' })),
  'hang-up': (w) => failure(() => w.client().chat.completions.create(chat({ model: 'hangs-up' }))),
  'no server': (w) => failure(() => w.client({ baseURL: 'http://127.0.0.1:1/v1' }).chat.completions.create(chat())),
  'base URL that is none': (w) => failure(() => w.client({ baseURL: 'not a url' }).chat.completions.create(chat())),
  'time-out': (w) => failure(() => w.client({ timeout: 400 }).chat.completions.create(chat({ model: 'silent' }))),
  'bad JSON': async (w) =>
    ((await failure(() => w.client().chat.completions.create(chat({ model: 'bad-json' })))) as Any).classes,
  'plain text': (w) => w.client().chat.completions.create(chat({ model: 'plain' })),
  'aborted before': (w) => {
    const controller = new AbortController();
    controller.abort();
    return failure(() => w.client().chat.completions.create(chat(), { signal: controller.signal }));
  },
  'aborted meanwhile': (w) => {
    const controller = new AbortController();
    void until(w.server, (before) => w.server.seen.length > before).then(() => controller.abort());
    return failure(() => w.client().chat.completions.create(chat({ model: 'silent' }), { signal: controller.signal }));
  },
  'nobody awaits': async (w) => {
    const arrived = until(w.server, (before) => w.server.seen.length > before);
    w.client().chat.completions.create(chat());
    await arrived;
    await later(100);
  },
  'awaited late': async (w) => {
    const promise = w.client().chat.completions.create(chat());
    await later(80);
    return promise;
  },
  'nobody catches': async (w) => {
    const reasons: unknown[] = [];
    const listener = (reason: Any) => reasons.push(reason?.constructor?.name);
    const others = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    process.on('unhandledRejection', listener);
    w.client().chat.completions.create(chat({ model: 'status-400' }));
    w.client().chat.completions.create(streamed({ model: 'status-400' }));
    w.client().embeddings.create({ model: 'status-400', input: 'x' });
    const caught = w.client().chat.completions.create(chat({ model: 'status-400' }));
    const later400 = failure(() => caught);
    await until(w.server, () => reasons.length >= 3);
    await later(100);
    process.off('unhandledRejection', listener);
    for (const other of others) process.on('unhandledRejection', other);
    return { reasons, caught: await later400 };
  },
  'promises together': (w) => {
    const client = w.client();
    return Promise.all([client.chat.completions.create(chat()), client.embeddings.create({ model: 'e', input: 'x' })]);
  },
  'custom fetch': async (w) => {
    const seen: unknown[] = [];
    const own = async (url: Any, init: Any) => {
      seen.push([String(url).replace(/:\d+/, ''), init.method, typeof init.body]);
      return fetch(url, { method: init.method, headers: init.headers, body: init.body, signal: init.signal });
    };
    const client = w.client({ fetch: own });
    const stream = await client.chat.completions.create(streamed());
    return { data: await client.chat.completions.create(chat()), items: await all(stream), seen };
  },
  ...Object.fromEntries(
    Object.keys(FOREIGN).map((kind): [string, Shape] => [
      `custom fetch: ${kind}`,
      async (w) => {
        const client = w.client({ fetch: foreignFetch(kind) });
        const raw = () => client.chat.completions.create(chat()).asResponse();
        const events = () => client.chat.completions.create(streamed()).asResponse();
        const read = async (response: Any, how: string) => {
          const result = await failure(async () => (typeof response[how] === 'function' ? response[how]() : undefined));
          return [how, typeof response[how], response.bodyUsed, Object.keys(response).sort(), result];
        };
        const { response } = await client.chat.completions.create(chat()).withResponse();
        const cloned = await raw();
        return {
          data: await client.chat.completions.create(chat()),
          response: [response.status, response.bodyUsed],
          read: [
            await read(await raw(), 'json'),
            await read(await raw(), 'text'),
            await read(await raw(), 'arrayBuffer'),
          ],
          body: await failure(async () => bytes((await raw()).body ?? [])),
          unread: String((await raw()).body),
          // What nobody can change shows the usage that we asked for (docs/openai.md).
          events: kind === 'frozen' ? [] : [await (await events()).text(), await bytes((await events()).body ?? [])],
          clone: await failure(async () => [await cloned.clone?.().text(), await cloned.json(), cloned.bodyUsed]),
        };
      },
    ]),
  ),
  withOptions: async (w) =>
    w
      .client()
      .withOptions({ maxRetries: 0, defaultHeaders: { 'x-mine': 'yes' } })
      .chat.completions.create(chat()),
  subclass: async (w) => {
    const calls: unknown[] = [];
    class Mine extends w.lib.OpenAI {
      post(path: string, options: Any) {
        calls.push(path);
        return super.post(path, options);
      }
      async prepareOptions(options: Any) {
        calls.push([options.method, options.path, Object.keys(options).sort(), Object.keys(options.body)]);
      }
    }
    const client: Any = new (Mine as Any)({ apiKey: 'k', baseURL: w.server.url, maxRetries: 0 });
    return { data: await client.chat.completions.create(chat()), calls };
  },
  'frozen body': async (w) => {
    const body = Object.freeze(streamed({ stream_options: Object.freeze({}), messages: Object.freeze(messages) }));
    const items = await all(await w.client().chat.completions.create(body));
    return { items, keys: Object.keys(body), options: body.stream_options };
  },
  'body of a class': async (w) => {
    class Body {
      model = 'gpt-4o-mini';
      messages = messages;
      stream = true;
      toJSON() {
        return { ...this, user: 'own' };
      }
    }
    return all(await w.client().chat.completions.create(new Body()));
  },
  'request options': (w) =>
    w.client().chat.completions.create(chat(), {
      headers: { 'x-mine': '1' },
      idempotencyKey: 'key-1',
      query: { q: '1' },
      timeout: 5_000,
      maxRetries: 1,
    }),
  'raw post': async (w) => w.client().post('/chat/completions', { body: chat() }),
  'raw post stream': async (w) => all(await w.client().post('/chat/completions', { body: streamed(), stream: true })),
  'raw post stream as text': async (w) => w.client().post('/chat/completions', { body: streamed() }),
  'raw post promised': async (w) => w.client().post('/chat/completions', Promise.resolve({ body: chat() })),
  'raw post binary': async (w) =>
    (await w.client().post('/chat/completions', { body: chat(), __binaryResponse: true })).text(),
  'raw post without body': (w) => failure(() => w.client().post('/chat/completions')),
  'raw request': async (w) => w.client().request({ method: 'post', path: '/chat/completions', body: chat() }),
  'body missing': (w) => failure(async () => w.client().chat.completions.create(undefined)),
  embeddings: (w) => w.client().embeddings.create({ model: 'text-embedding-3-small', input: ['a', 'b'] }),
  'embeddings float': (w) => w.client().embeddings.create({ model: 'e', input: 'a', encoding_format: 'float' }),
  'embeddings withResponse': async (w) => {
    const { data, response } = await w.client().embeddings.create({ model: 'e', input: 'a' }).withResponse();
    return { data, status: response.status };
  },
  'embeddings asResponse': async (w) =>
    (await w.client().embeddings.create({ model: 'e', input: 'a' }).asResponse()).json(),
  'embeddings failing': (w) => failure(() => w.client().embeddings.create({ model: 'status-400', input: 'a' })),
  responses: (w) => w.client().responses.create(ask()),
  'responses withResponse': async (w) => {
    const { data, response } = await w.client().responses.create(ask()).withResponse();
    return { text: data.output_text, status: response.status };
  },
  'responses stream': async (w) => all(await w.client().responses.create(ask({ stream: true }))),
  'responses stream break': async (w) => all(await w.client().responses.create(ask({ stream: true })), 3),
  'responses asResponse stream': async (w) =>
    (
      await w
        .client()
        .responses.create(ask({ stream: true }))
        .asResponse()
    ).text(),
  'responses parse': (w) =>
    w.client().responses.parse(ask({ text: { format: { type: 'json_schema', name: 'a', strict: true, schema } } })),
  'responses stream helper': async (w) => {
    const helper = w.client().responses.stream(ask());
    const events = collectEvents(helper, [
      'response.created',
      'response.output_text.delta',
      'response.completed',
      'end',
    ]);
    return { final: await helper.finalResponse(), events };
  },
  'responses background': (w) => w.client().responses.create(ask({ background: true })),
  'responses failed': (w) => w.client().responses.create(ask({ model: 'fails' })),
  'azure client': async (w) => {
    const client = new w.lib.AzureOpenAI({
      apiKey: 'k',
      endpoint: w.server.url.replace(/\/v1$/, ''),
      apiVersion: '2024-10-21',
      deployment: 'd',
      maxRetries: 0,
    });
    return {
      data: await client.chat.completions.create(chat()),
      items: await all(await client.chat.completions.create(streamed())),
    };
  },
  'models list': async (w) => (await w.client().models.list()).data,
  moderations: (w) => w.client().moderations.create({ input: 'x' }),
};

const VOLATILE =
  /^(date|host|connection|content-length|accept-encoding|user-agent|transfer-encoding|traceparent|accept-language|sec-fetch-mode)$/;

/** A request as compared: without what we are allowed to add, and without what differs from run to run. */
function comparable({ method, path, body, headers }: Seen): unknown {
  const { stream_options: asked, ...rest } = body ?? {};
  const { include_usage: _, ...options } = (asked ?? {}) as Record<string, unknown>;
  const kept = Object.entries(headers).filter(([name]) => !VOLATILE.test(name));
  return {
    method,
    path,
    body: body && { ...rest, ...(Object.keys(options).length > 0 ? { stream_options: options } : {}) },
    headers: Object.fromEntries(kept),
  };
}

/**
 * Runs the shapes one after another; one entry each with what came back and which requests the server saw.
 * @param lib the module as `import * as lib` or `require` gives it
 */
export async function runShapes(lib: Any, only?: string): Promise<Record<string, unknown>> {
  const OpenAI = lib.OpenAI ?? lib.default ?? lib;
  const server = await startTestServer();
  const client = (options: object = {}) =>
    new OpenAI({ apiKey: 'k', baseURL: server.url, maxRetries: 0, timeout: 5_000, ...options });
  const results: Record<string, unknown> = {};
  try {
    for (const [name, shape] of Object.entries(SHAPES)) {
      if (only !== undefined && name !== only) continue;
      const from = server.seen.length;
      let value: unknown;
      try {
        value = await shape({ lib: { ...lib, OpenAI }, server, client });
      } catch (error) {
        value = { threw: String(error) };
      }
      const requests = server.seen.slice(from).map(comparable);
      results[name] = JSON.parse(JSON.stringify({ value, requests }).replaceAll(String(server.port), 'PORT'));
    }
  } finally {
    await server.close();
  }
  return results;
}
