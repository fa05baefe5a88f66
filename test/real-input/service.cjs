// The measured service: it calls OpenAI the way each request says and knows nothing of client-cost, which is loaded with
// --require. It uses the newest openai package, the one of examples/.
const { createServer } = require('node:http');
const { dirname, join } = require('node:path');

const file = require.resolve('openai', { paths: [join(__dirname, '../../examples')] });
const { OpenAI } = require(file);
const { version } = require(join(dirname(file), 'package.json'));

const openai = new OpenAI({ maxRetries: 0 });
const model = 'gpt-4o-mini';
const messages = [{ role: 'user', content: 'Hello' }];

async function drain(stream) {
  for await (const _ of stream);
}

const shapes = {
  plain: (options) => openai.chat.completions.create({ model, messages }, options),
  'with-response': (options) => openai.chat.completions.create({ model, messages }, options).withResponse(),
  'stream-asked': async (options) =>
    drain(
      await openai.chat.completions.create(
        { model, messages, stream: true, stream_options: { include_usage: true } },
        options,
      ),
    ),
  'stream-unasked': async (options) =>
    drain(await openai.chat.completions.create({ model, messages, stream: true }, options)),
  response: (options) => openai.responses.create({ model, input: 'Hello' }, options),
  'response-stream': async (options) =>
    drain(await openai.responses.create({ model, input: 'Hello', stream: true }, options)),
};

const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://service');
  const script = JSON.stringify({
    usage: { input: Number(url.searchParams.get('input')), output: Number(url.searchParams.get('output')) },
    text: 'Good day to you',
  });
  shapes[url.searchParams.get('shape')]({ headers: { 'x-stand-in': script } }).then(
    () => response.end('ok'),
    (error) => {
      response.statusCode = 500;
      response.end(String(error?.stack));
    },
  );
});
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port, openai: version }));
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
  process.disconnect();
});
