// A service that reads documents with an OCR API, in the ways that services call APIs; it knows nothing of what is recorded of it.
// Who pays comes from the header of the incoming request (CLIENT_COST_CLIENT_HEADER).
const http = require('node:http');
const axios = require('axios');

const { OCR_URL } = process.env;
const headers = { authorization: 'Bearer key', 'content-type': 'application/json' };
const body = (url, model = 'mistral-ocr-latest', more = {}) =>
  JSON.stringify({ model, document: { type: 'document_url', document_url: url }, ...more });

const CALLS = {
  async fetch(url, model) {
    const response = await fetch(`${OCR_URL}/v1/ocr`, { method: 'POST', headers, body: body(url, model) });
    return [response.status, (await response.json()).pages?.length];
  },
  async axios(url, model) {
    const response = await axios.post(`${OCR_URL}/v1/ocr`, body(url, model), { headers, validateStatus: () => true });
    return [response.status, response.data.pages?.length];
  },
  http: (url, model) =>
    new Promise((resolve, reject) => {
      const request = http.request(`${OCR_URL}/v1/ocr`, { method: 'POST', headers }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part) => {
          text += part;
        });
        response.on('end', () => resolve([response.statusCode, JSON.parse(text).pages?.length]));
      });
      request.on('error', reject);
      request.end(body(url, model));
    }),
  async models() {
    const response = await fetch(`${OCR_URL}/v1/models`, { headers });
    return [response.status, (await response.json()).data.length];
  },
  async agents() {
    const response = await fetch(`${OCR_URL}/v1/agents`, { headers });
    return [response.status, (await response.json()).message];
  },
  // A page at a time, and the rest is never read.
  async unread(url, model) {
    const response = await fetch(`${OCR_URL}/v1/ocr`, { method: 'POST', headers, body: body(url, model) });
    return [response.status, response.bodyUsed];
  },
};

const server = http.createServer(async (request, response) => {
  const { call, url, model } = Object.fromEntries(new URL(request.url, 'http://app').searchParams);
  const answer = await CALLS[call](url, model).catch((error) => [String(error)]);
  response.end(JSON.stringify(answer));
});
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.once('message', async () => {
  const delivered = await require('@client-cost/instrumentation').flush(20_000);
  process.exit(delivered ? 0 : 1);
});
