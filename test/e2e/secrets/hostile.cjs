// A server whose answers are none that a provider gives, with markers wherever they have room for words.
const { createServer } = require('node:http');
const { mark } = require('./marks.cjs');

const words = () => `answer of ${mark('malformed content')}`;
const usage = (value) => ({ prompt_tokens: value, completion_tokens: value, total_tokens: value, input_tokens: value });
const json = (value, status = 200) => ({ status, type: 'application/json', body: JSON.stringify(value) });
const choices = () => [
  { index: 0, message: { role: 'assistant', content: words() }, finish_reason: `because of ${mark('finish reason')}` },
];

/** One per line: status, type, body. */
const ANSWERS = [
  { status: 200, type: 'text/html', body: `<h1>${mark('html answer')}</h1>` },
  { status: 200, type: 'application/json', body: `{"choices": "${mark('cut answer')}` },
  json({ id: 'chatcmpl-1', object: 'chat.completion', model: 'gpt-4o-mini', choices: choices(), usage: usage(5) }),
  json({
    id: 'chatcmpl-2',
    object: 'chat.completion',
    model: 'gpt-4o-mini',
    choices: choices(),
    usage: usage(mark('usage')),
  }),
  json({
    id: 'chatcmpl-3',
    model: 'gpt-4o-mini',
    choices: choices(),
    usage: { ...usage(-1), [mark('usage key')]: words() },
  }),
  json({ id: 'resp_4', model: 'gpt-4o', usage: { input_tokens: Number.MAX_VALUE, output_tokens: { words: words() } } }),
  json({ id: 'chatcmpl-5', model: 'gpt-4o-mini', service_tier: words(), choices: words(), usage: words() }),
  json([words()]),
  json(words()),
  json({ error: { message: words(), type: mark('error type'), code: mark('error code'), param: words() } }, 400),
  json({ error: words() }, 401),
  { status: 500, type: 'text/plain', body: words() },
  { status: 200, type: 'text/event-stream', body: `data: {"id":"${mark('cut stream')}\n\n` },
  { status: 200, type: 'text/event-stream', body: `data: ${JSON.stringify({ error: { message: words() } })}\n\n` },
];

/** stripe-node ends the process over an answer that is a JSON string, with or without us. */
const isObject = ({ body }) => !body.startsWith('"');

/** Answers `/<index>/…` with that answer, any other path with each in turn. */
function startHostile() {
  let turn = 0;
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      const asked = /^\/(\d+)\//.exec(request.url)?.[1];
      const answers = asked === undefined ? ANSWERS.filter(isObject) : ANSWERS;
      const { status, type, body } = answers[(asked ?? turn++) % answers.length];
      response.writeHead(status, { 'content-type': type, 'x-request-id': 'req_1', 'x-more': mark('answer header') });
      response.end(body);
    });
  });
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () =>
      resolve({
        port: server.address().port,
        url: `http://127.0.0.1:${server.address().port}`,
        close() {
          server.closeAllConnections();
          server.close();
        },
      }),
    ),
  );
}

module.exports = { ANSWERS, isObject, startHostile };
