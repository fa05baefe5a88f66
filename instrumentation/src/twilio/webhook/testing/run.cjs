// Applications that answer webhooks in every usual way, and say what they saw of the requests. The same for CommonJS and ESM.
const { createHmac } = require('node:crypto');

const TOKEN = process.env.WEBHOOK_TOKEN;
const ADDRESS = 'https://hooks.example.com';
const SMS = {
  Body: 'Hällo & goodbye = 100 % + 1 😀',
  From: '+14155550199',
  MessageSid: `SM${'1'.repeat(32)}`,
  NumMedia: '0',
  NumSegments: '2',
  SmsStatus: 'received',
  To: '+14155550100',
};

const encode = (fields) => new URLSearchParams(Object.entries(fields)).toString();
const sign = (url, fields) => {
  const data = Object.keys(fields)
    .sort()
    .reduce((text, name) => text + name + fields[name], url);
  return createHmac('sha1', TOKEN).update(data).digest('base64');
};

function requests() {
  const form = 'application/x-www-form-urlencoded; charset=UTF-8';
  const signed = { 'content-type': form, 'x-twilio-signature': sign(`${ADDRESS}/sms`, SMS) };
  const body = encode(SMS);
  const query = `/sms?${body}`;
  return {
    signed: { headers: signed, body },
    'signed, byte by byte': { headers: signed, body, size: 1 },
    'signed, in pieces': { headers: signed, body, size: 40 },
    'signed, by GET': { method: 'GET', path: query, headers: { 'x-twilio-signature': sign(ADDRESS + query, {}) } },
    forged: { headers: { ...signed, 'x-twilio-signature': 'forged' }, body },
    unsigned: { headers: { 'content-type': form }, body },
    'signed, no form': { headers: { ...signed, 'content-type': 'text/plain' }, body },
    empty: { headers: signed, body: '' },
    json: { headers: { ...signed, 'content-type': 'application/json' }, body: '{"a":[1]}' },
    'broken json': { headers: { ...signed, 'content-type': 'application/json' }, body: '{"a":' },
    binary: { headers: signed, body: Buffer.from([0xff, 0xfe, 0, 0x3d, 0x80, 0x26, 0x25]) },
    oversized: { headers: signed, body: `Body=${'x'.repeat(80_000)}` },
    'too large for the parser': { headers: signed, body: `Body=${'x'.repeat(150_000)}`, size: 30_000 },
  };
}

/** What an application can see of a request without reading it. */
const look = (request) => ({
  keys: Object.keys(request).sort(),
  prototype: Object.getPrototypeOf(request)?.constructor?.name,
  push: typeof request.push,
  url: request.url,
});

function handlers(express) {
  const raw = (seen) => (request, response) => {
    const events = [];
    const chunks = [];
    for (const name of ['end', 'close', 'error', 'aborted']) request.on(name, () => events.push(name));
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const bytes = Buffer.concat(chunks);
      const said = { ...seen(request), events, bytes: bytes.toString('latin1'), complete: request.complete };
      response.end(JSON.stringify({ ...said, readableEnded: request.readableEnded }));
    });
  };
  const show = (request, response) => response.json({ ...look(request), body: request.body ?? null });
  const failed = (error, _request, response, _next) => response.status(error.status ?? 500).send(error.message);
  return {
    'data events': raw(look),
    'reads later': (request, response) => setTimeout(() => raw(look)(request, response), 10),
    'async iterator': async (request, response) => {
      let text = '';
      request.setEncoding('utf8');
      for await (const chunk of request) text += chunk;
      response.end(text);
    },
    'readable events': (request, response) => {
      let length = 0;
      request.on('readable', () => {
        for (let chunk = request.read(); chunk !== null; chunk = request.read()) length += chunk.length;
      });
      request.on('end', () => response.end(String(length)));
    },
    piped: (request, response) => request.pipe(response),
    'answers without reading': (request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'text/xml' }).end('<Response/>');
    },
    'express.urlencoded': express().use(express.urlencoded({ extended: false }), show, failed),
    'express.urlencoded extended': express().use(express.urlencoded({ extended: true }), show, failed),
    'express.raw': express().use(
      express.raw({ type: '*/*' }),
      (request, response) => response.send(request.body),
      failed,
    ),
    'express.json and text': express().use(express.json(), express.text({ type: '*/*' }), show, failed),
    'express, failing': express().use(() => {
      throw Object.assign(new Error('mine'), { status: 418 });
    }, failed),
    'express, no parser': express().use((_request, response) => response.type('xml').send('<Response/>')),
  };
}

function ask(http, port, { method = 'POST', path = '/sms', headers, body, size }) {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: { ...headers, host: 'hooks.example.com' },
      agent: false,
    };
    const request = http.request(options, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => {
        const { date, ...rest } = response.headers;
        resolve({ status: response.statusCode, headers: rest, text: Buffer.concat(chunks).toString('latin1') });
      });
      response.on('error', reject);
    });
    request.on('error', (error) => resolve({ failed: error.code }));
    const bytes = Buffer.from(body ?? '');
    if (size === undefined) {
      request.end(bytes);
      return;
    }
    for (let at = 0; at < bytes.length; at += size) request.write(bytes.subarray(at, at + size));
    request.end();
  });
}

exports.run = async (http, express) => {
  process.env.NODE_ENV = 'test';
  const results = {};
  for (const [name, handler] of Object.entries(handlers(express))) {
    const server = http.createServer(handler);
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    for (const [what, request] of Object.entries(requests())) {
      results[`${name}: ${what}`] = await ask(http, server.address().port, request);
    }
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  process.stdout.write(JSON.stringify(results));
};
