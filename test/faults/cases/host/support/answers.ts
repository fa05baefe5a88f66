/* Answers that no provider should give, through each SDK: as text on the wire, and as the objects that a client of the application's hands on. */
import { createRequire } from 'node:module';

// biome-ignore lint/suspicious/noExplicitAny: what is tested are shapes that nobody declared
type Any = any;

const require = createRequire(new URL('../../../../../instrumentation/src/index.ts', import.meta.url));

/** What each provider answers with, as far as its cost is concerned; a hostile value is put at each of its places. */
const USUAL = {
  openai: () => ({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    model: 'gpt-4o-mini',
    choices: [{ index: 0, message: { role: 'assistant', content: 'x' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8, prompt_tokens_details: { cached_tokens: 1 } },
  }),
  twilio: () => ({
    sid: `SM${'1'.repeat(32)}`,
    status: 'queued',
    num_segments: '1',
    to: '+14155551234',
    price: '-0.0083',
    price_unit: 'USD',
  }),
  stripe: () => ({
    id: 'ch_1',
    object: 'charge',
    amount: 1099,
    currency: 'usd',
    status: 'succeeded',
    created: 1_790_000_000,
    captured: true,
    paid: true,
  }),
} as const;
type Sdk = keyof typeof USUAL;

/** Values as text in JSON, each put where a value is expected. */
const TEXTS: Readonly<Record<string, string>> = {
  null: 'null',
  array: '[]',
  'array of null': '[null]',
  string: '"x"',
  number: '5',
  negative: '-5',
  fraction: '0.1',
  '1e308': '1e308',
  infinity: '1e999',
  true: 'true',
  object: '{}',
  'long string': JSON.stringify('9'.repeat(200_000)),
  'lone surrogate': '"\\ud800"',
  '100,000 keys': `{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":${i}`).join(',')}}`,
  __proto__: '{"__proto__":{"usage":{"prompt_tokens":1}},"constructor":{"prototype":5}}',
  deep: `${'['.repeat(3_000)}${']'.repeat(3_000)}`,
};
const BODIES: Readonly<Record<string, string>> = {
  ...TEXTS,
  empty: '',
  'no JSON': '<html>502</html>',
  truncated: '{"id":"chatcmpl-1","usage":{"prompt_to',
  'byte order mark': '\ufeff{}',
  'two objects': '{}{}',
};

/** Objects that only code can make, on the way from an HTTP client of the application's to the SDK. */
const OBJECTS: Readonly<Record<string, (usual: Any) => Any>> = {
  frozen: (usual) => deepFreeze(usual),
  sealed: (usual) => Object.seal(usual),
  'no prototype': (usual) => Object.assign(Object.create(null), usual),
  cyclic: (usual) => Object.assign(usual, { usage: usual, self: usual }),
  bigint: (usual) =>
    Object.assign(usual, {
      usage: { prompt_tokens: 3n, completion_tokens: 5n },
      num_segments: 1n,
      amount: 1099n,
      sid: 1n,
    }),
  symbol: (usual) =>
    Object.assign(usual, {
      usage: Symbol('usage'),
      num_segments: Symbol('x'),
      amount: Symbol('y'),
      currency: Symbol('z'),
    }),
  'toJSON throws': (usual) => Object.assign(usual, { toJSON: angry }),
  'toString throws': (usual) =>
    Object.assign(usual, {
      usage: { prompt_tokens: unprintable(), completion_tokens: 1 },
      num_segments: unprintable(),
      amount: unprintable(),
    }),
  'getters throw': (usual) =>
    Object.defineProperties(
      usual,
      Object.fromEntries(
        ['usage', 'model', 'num_segments', 'price', 'amount', 'currency', 'balance_transaction'].map((key) => [
          key,
          { get: angry, enumerable: true, configurable: true },
        ]),
      ),
    ),
  'a proxy that throws on what it does not have': (usual) =>
    new Proxy(usual, {
      get(target, key, receiver) {
        // What every promise asks of what it is resolved with.
        if (key !== 'then' && !Reflect.has(target, key)) throw new Error(`no ${String(key)}`);
        return Reflect.get(target, key, receiver);
      },
    }),
  'functions and dates': (usual) =>
    Object.assign(usual, { usage: () => 1, num_segments: new Date(0), amount: /x/, created: new Date(0) }),
};

function angry(): never {
  throw new Error('do not look');
}
const unprintable = () => ({ toString: angry, valueOf: angry, [Symbol.toPrimitive]: angry });

function deepFreeze(value: Any): Any {
  if (typeof value === 'object' && value !== null) for (const key of Object.keys(value)) deepFreeze(value[key]);
  return Object.freeze(value);
}

/** What a caller can tell of what it got, whatever that is. */
function described(value: unknown, given: unknown): string {
  if (value === given && typeof value === 'object' && value !== null) return 'what was given, itself';
  try {
    const text = JSON.stringify(value) ?? String(value);
    return text.length > 500 ? `${text.slice(0, 500)} and ${text.length - 500} more` : text;
  } catch (error) {
    return `${Object.prototype.toString.call(value)} that cannot be printed: ${String(error)}`;
  }
}

const HUNG = Symbol('no end');
const silence = () => new Promise((resolve) => setTimeout(resolve, 1_000, HUNG));

async function outcome(work: () => Promise<unknown>, given: unknown): Promise<unknown> {
  const order: string[] = [];
  try {
    // Some SDKs never say what became of a call whose answer they choke on: the same without us.
    const promise = Promise.race([work(), silence()]);
    // How many turns of the queue it takes is no promise; who comes first is.
    void promise.then(
      () => order.push('then'),
      () => order.push('catch'),
    );
    const value = await promise;
    if (value === HUNG) return 'neither resolved nor rejected';
    order.push('await');
    return { returned: described(value, given), order };
  } catch (error) {
    const { name, message, constructor: made } = error as Error;
    return { threw: name, message: String(message).slice(0, 300), class: made?.name, order };
  }
}

/** One call each, answered by `body` (text) or by an object. */
const CALLS: Readonly<Record<Sdk, (body: string | undefined, object: Any) => Promise<unknown>>> = {
  async openai(body, object) {
    const { OpenAI } = require('openai');
    const fetch = async () => {
      const response = new Response(body ?? '{}', { headers: { 'content-type': 'application/json' } });
      if (object !== undefined) Object.defineProperty(response, 'json', { value: async () => object });
      return response;
    };
    const client = new OpenAI({ apiKey: 'k', maxRetries: 0, fetch });
    return client.chat.completions.create({ model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'x' }] });
  },
  async twilio(body, object) {
    const twilio = require('twilio');
    const httpClient = { request: async () => ({ statusCode: 201, body: object ?? parsed(body), headers: {} }) };
    const client = twilio('AC1', 'x', { httpClient });
    const message = await client.messages.create({ to: '+14155551234', from: '+14155550000', body: 'x' });
    return { sid: message.sid, status: message.status, numSegments: String(message.numSegments) };
  },
  async stripe(body, object) {
    const Stripe = require('stripe');
    const response = {
      getStatusCode: () => 200,
      getHeaders: () => ({}),
      getRawResponse: () => ({}),
      toStream: () => body,
      toJSON: async () => object ?? JSON.parse(body ?? ''),
    };
    const httpClient = { getClientName: () => 'own', makeRequest: async () => response };
    const client = new Stripe('sk_test_1', { httpClient, maxNetworkRetries: 0 });
    return client.charges.create({ amount: 1099, currency: 'usd', source: 'tok_visa' });
  },
};

function parsed(body: string | undefined): unknown {
  try {
    return JSON.parse(body ?? '');
  } catch {
    return body;
  }
}

/** The usual answer with a value in the place of each of its own, inner ones included. */
function* placed(sdk: Sdk, text: string): Generator<string> {
  const usual = USUAL[sdk]() as Any;
  const marked = (inner: Any) => JSON.stringify(inner).replace('"\u0001"', () => text);
  for (const key of Object.keys(usual)) yield marked({ ...usual, [key]: '\u0001' });
  for (const key of Object.keys(usual.usage ?? {}))
    yield marked({ ...usual, usage: { ...usual.usage, [key]: '\u0001' } });
}

async function stream(events: readonly string[]): Promise<unknown> {
  const { OpenAI } = require('openai');
  const text = events.map((event) => `data: ${event}\n\n`).join('');
  const fetch = async () =>
    new Response(`${text}data: [DONE]\n\n`, { headers: { 'content-type': 'text/event-stream' } });
  const client = new OpenAI({ apiKey: 'k', maxRetries: 0, fetch });
  // Asked for by the caller: what only we asked for is kept from it.
  const stream_options = { include_usage: true };
  const chunks: string[] = [];
  for await (const chunk of await client.chat.completions.create({
    model: 'gpt-4o-mini',
    messages: [],
    stream: true,
    stream_options,
  }))
    chunks.push(described(chunk, undefined));
  return chunks;
}

/** By name: what a caller sees of each. */
export function answerScripts(): { names: string[]; run(name: string): Promise<unknown> } {
  const scripts = new Map<string, () => Promise<unknown>>();
  for (const sdk of Object.keys(USUAL) as Sdk[]) {
    for (const [name, body] of Object.entries(BODIES))
      scripts.set(`${sdk}: the whole body is ${name}`, () => outcome(() => CALLS[sdk](body, undefined), undefined));
    for (const [name, text] of Object.entries(TEXTS))
      scripts.set(`${sdk}: a value is ${name}`, async () => {
        const seen: unknown[] = [];
        for (const body of placed(sdk, text)) seen.push(await outcome(() => CALLS[sdk](body, undefined), undefined));
        return seen;
      });
    for (const [name, make] of Object.entries(OBJECTS))
      scripts.set(`${sdk}: ${name}`, () => {
        const object = make(USUAL[sdk]());
        return outcome(() => CALLS[sdk](undefined, object), object);
      });
  }
  const chunk = (value: string) =>
    `{"id":"c","object":"chat.completion.chunk","model":"m","choices":${value},"usage":${value}}`;
  for (const [name, text] of Object.entries(TEXTS)) {
    if (name === '100,000 keys') continue;
    scripts.set(`openai: a stream’s chunk is ${name}`, () =>
      outcome(() => stream([text, chunk('[]'), text]), undefined),
    );
    scripts.set(`openai: a stream’s values are ${name}`, () =>
      outcome(() => stream([chunk(text), chunk(text)]), undefined),
    );
  }
  return { names: [...scripts.keys()], run: (name) => scripts.get(name)!() };
}
