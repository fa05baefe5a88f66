const { mark } = require('../marks.cjs');

const data = (name) => Buffer.from(`binary ${mark(name)}`).toString('base64');
const script = (value) => ({ headers: { 'x-stand-in': JSON.stringify(value) } });

/** A chat with a marker wherever a caller can write something. */
const chat = (name, more) => ({
  model: 'gpt-4o-mini',
  messages: [
    { role: 'system', content: `You are ${mark(`${name} system`)}` },
    {
      role: 'user',
      name: mark(`${name} user name`),
      content: `Tell ${mark(`${name} prompt`)} of ${mark(`${name} mail`)}@example.com`,
    },
  ],
  user: mark(`${name} end user`),
  safety_identifier: mark(`${name} safety id`),
  prompt_cache_key: mark(`${name} cache key`),
  metadata: { note: mark(`${name} openai metadata`) },
  tools: [
    {
      type: 'function',
      function: { name: `f_${mark(`${name} function`)}`, description: mark(`${name} tool text`), parameters: {} },
    },
  ],
  ...more,
});

/** What is answered to it. */
const answer = (name, more) => ({
  text: `Dear ${mark(`${name} completion`)}, this is an answer of a few words`,
  toolCalls: [{ name: `f_${mark(`${name} function`)}`, arguments: { q: mark(`${name} tool argument`) } }],
  ...more,
});

const PICTURES = (name) => [
  { type: 'text', text: mark(`${name} text`) },
  {
    type: 'image_url',
    image_url: { url: `https://example.com/${mark(`${name} image`)}.png?sig=${mark(`${name} signature`)}` },
  },
  { type: 'image_url', image_url: { url: `data:image/png;base64,${data(`${name} image data`)}` } },
  { type: 'input_audio', input_audio: { data: data(`${name} audio`), format: 'wav' } },
];

async function read(made, stopAfter = Number.POSITIVE_INFINITY) {
  let n = 0;
  for await (const _chunk of await made) if (++n >= stopAfter) break;
}

/** Every kind of call of openai-node. */
module.exports = async function openai({ places, attempt }) {
  const OpenAI = require('openai');
  const make = (more) =>
    new OpenAI({
      apiKey: `sk-${mark('openai key')}`,
      organization: `org-${mark('openai organization')}`,
      project: `proj_${mark('openai project')}`,
      webhookSecret: `whsec_${mark('openai webhook secret')}`,
      baseURL: places.openai,
      defaultHeaders: { 'x-internal': mark('openai header'), cookie: `session=${mark('openai cookie')}` },
      defaultQuery: { trace: mark('openai query') },
      maxRetries: 1,
      ...more,
    });
  const ai = make();
  const create = (name, more, given) => ai.chat.completions.create(chat(name, more), script(answer(name, given)));
  const respond = (name, more, given) =>
    ai.responses.create(
      {
        model: 'gpt-4o',
        instructions: mark(`${name} instructions`),
        input: `Say ${mark(`${name} input`)}`,
        user: mark(`${name} end user`),
        metadata: { note: mark(`${name} metadata`) },
        ...more,
      },
      script(answer(name, given)),
    );

  await attempt('chat', () => create('chat'));
  await attempt('chat with pictures and sound', () =>
    create(
      'media',
      { messages: [{ role: 'user', content: PICTURES('media') }] },
      { usage: { input: 50, output: 5, audioInput: 20 } },
    ),
  );
  await attempt('stream', () => read(create('stream', { stream: true })));
  await attempt('stream without usage, broken off', () =>
    read(create('broken off', { stream: true }, { chunks: 9 }), 4),
  );
  await attempt('stream of a server that tells no usage', () =>
    read(create('no usage', { stream: true }, { omitUsage: true })),
  );
  await attempt('stream that breaks', () =>
    read(create('breaks', { stream: true }, { chunks: 9, failure: { breakAfterChunks: 3 } })),
  );
  await attempt('the application throws in the loop', async () => {
    for await (const _chunk of await create('thrown', { stream: true })) throw new Error(mark('thrown in a loop'));
  });
  for (const [name, failure] of Object.entries({
    'an error that quotes the prompt': {
      status: 400,
      code: mark('error code'),
      message: `Bad: ${mark('quoted prompt')}`,
    },
    'retried errors': { status: 500, message: `Failed on ${mark('quoted in 500')}`, times: 1 },
    'a limit': { status: 429, code: 'rate_limit_exceeded', message: mark('quoted in 429'), retryAfterMs: 1 },
    'a reset': { reset: true },
  })) {
    await attempt(name, () => create(name, {}, { failure }));
    await attempt(`${name}, streamed`, () => read(create(`${name} streamed`, { stream: true }, { failure })));
    await attempt(`${name}, response`, () => respond(`${name} response`, {}, { failure }));
  }
  await attempt('a wrong key', () => make({ apiKey: `sk-wrong-${mark('wrong key')}` }).models.list());
  await attempt('a wrong key, chat', () =>
    make({ apiKey: `sk-wrong-${mark('wrong key')}` }).chat.completions.create(chat('wrong key')),
  );
  await attempt('aborted', () => {
    const controller = new AbortController();
    const made = ai.chat.completions.create(chat('aborted'), {
      ...script({ failure: { hang: true } }),
      signal: controller.signal,
    });
    setTimeout(() => controller.abort(new Error(mark('abort reason'))), 30);
    return made;
  });
  await attempt('too late', () =>
    ai.chat.completions.create(chat('late'), { ...script({ failure: { hang: true } }), timeout: 40, maxRetries: 0 }),
  );
  await attempt('response', () => respond('response'));
  await attempt('response, streamed', () => read(respond('response streamed', { stream: true })));
  await attempt('embeddings', () =>
    ai.embeddings.create(
      {
        model: 'text-embedding-3-small',
        input: [mark('embedded'), mark('embedded too')],
        user: mark('embedding user'),
      },
      { headers: { 'x-more': mark('embedding header') } },
    ),
  );
  await attempt('what is not measured', () =>
    ai.images.generate({ model: 'gpt-image-1', prompt: mark('image prompt'), user: mark('image user') }),
  );
  await attempt('nothing listens', () =>
    make({
      baseURL: `http://127.0.0.1:1/${mark('path of a base URL')}?key=${mark('key in a base URL')}`,
    }).chat.completions.create(chat('nobody there')),
  );
  for (const [index] of require('../hostile.cjs').ANSWERS.entries()) {
    const hostile = make({ baseURL: `${places.hostile}/${index}/${mark('hostile path')}/v1`, maxRetries: 0 });
    await attempt(`malformed answer ${index}`, () => hostile.chat.completions.create(chat('malformed')));
    await attempt(`malformed answer ${index}, streamed`, () =>
      read(hostile.chat.completions.create(chat('malformed streamed', { stream: true }))),
    );
    await attempt(`malformed answer ${index}, response`, () =>
      hostile.responses.create({ model: 'gpt-4o', input: mark('malformed input') }),
    );
    await attempt(`malformed answer ${index}, embeddings`, () =>
      hostile.embeddings.create({ model: 'text-embedding-3-small', input: mark('malformed embedding') }),
    );
  }
};
