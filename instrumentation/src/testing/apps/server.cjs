// A service: answers one request with what a call said, calls its peer (PEER) on the way, then ends.
const http = require('node:http');
const { OpenAI } = require('openai');
const { setClient } = require('@client-cost/instrumentation');

const openai = new OpenAI({ apiKey: 'test', maxRetries: 0 });
const server = http.createServer(async (request, response) => {
  if (request.headers['x-later']) setClient(request.headers['x-later']);
  if (process.env.PEER) await fetch(process.env.PEER);
  const answer = await openai.chat.completions.create({
    model: 'gpt-4o-mini',
    messages: [{ role: 'user', content: 'hello' }],
  });
  response.setHeader('connection', 'close');
  response.end(answer.choices[0].message.content);
  if (request.url === '/last') server.close();
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
