import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OtlpTransport } from './otlp.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
let reply: { status: number; body?: string; headers?: Record<string, string> };
let requests = 0;
const server = createServer((request, response) => {
  requests++;
  request.resume().on('end', () => response.writeHead(reply.status, reply.headers).end(reply.body));
});

beforeEach(async () => {
  requests = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.closeAllConnections();
  return new Promise<void>((resolve) => server.close(() => resolve()));
});

function send() {
  const { port } = server.address() as AddressInfo;
  const options = { headers: {}, timeoutMs: 2000, gzip: false };
  const transport = new OtlpTransport({ url: `http://127.0.0.1:${port}/v1/logs`, ...options });
  return transport.send('{"resource":{},"scope":{}}', [Buffer.from('{}')]).finally(() => transport.close());
}

test.each([
  ['{}', JSON_TYPE],
  ['{"partialSuccess":{}}', JSON_TYPE],
  ['{"partialSuccess":null}', JSON_TYPE],
  [' {"partialSuccess":{"rejectedLogRecords":"0"}}\n', {}],
  ['', JSON_TYPE],
  ['', { 'content-type': 'application/x-protobuf' }],
])('200 %j %j is an acknowledgement', async (body, headers) => {
  reply = { status: 200, body, headers };
  expect(await send()).toEqual({ kind: 'ok' });
});

test.each([
  ['2', 2],
  [7, 7],
])('a partial success that refuses %j', async (rejected, refused) => {
  const body = { partialSuccess: { rejectedLogRecords: rejected, errorMessage: 'too old' } };
  reply = { status: 200, body: JSON.stringify(body) };
  expect(await send()).toEqual({ kind: 'ok', refused, reason: 'too old' });
  reply.body = `{"partial_success":{"rejected_log_records":${JSON.stringify(rejected)}}}`;
  expect(await send()).toEqual({ kind: 'ok', refused, reason: 'no reason given' });
});

test('a partial success that refuses nothing but says something is a warning', async () => {
  reply = { status: 200, body: '{"partialSuccess":{"errorMessage":"slow down"}}' };
  expect(await send()).toEqual({ kind: 'ok', reason: 'slow down' });
});

test.each([
  [200, '<html><form action="/login"></form></html>', { 'content-type': 'text/html' }],
  [200, '', {}],
  [200, 'ok', JSON_TYPE],
  [200, '[]', JSON_TYPE],
  [200, 'null', JSON_TYPE],
  [200, '{"error":"log in first"}', JSON_TYPE],
  [200, '{"partialSuccess":"yes"}', JSON_TYPE],
  [200, '{"partialSuccess":{"rejectedLogRecords":"some"}}', JSON_TYPE],
  [200, '{"partialSuccess":{', JSON_TYPE],
  [202, '{}', JSON_TYPE],
  [204, '', {}],
])('%i %j %j is none, and says where to look', async (status, body, headers) => {
  reply = { status, body, headers };
  const result = await send();
  expect(result).toMatchObject({ kind: 'retry', reached: true });
  expect(result).toHaveProperty(
    'reason',
    expect.stringMatching(/no answer of an OTLP receiver.*check CLIENT_COST_OTLP_ENDPOINT/),
  );
});

test.each([301, 302, 307, 308])('%i is not followed: the events would go to somebody else', async (status) => {
  reply = { status, headers: { location: '/v1/logs' } };
  expect(await send()).toMatchObject({ kind: 'retry', reason: expect.stringContaining(`answered ${status}`) });
  expect(requests).toBe(1);
});

test('a proxy that answers 400, and an empty request with its login page, blames no event', async () => {
  reply = { status: 400, body: 'bad request' };
  const sending = send();
  server.once('request', () => {
    server.once('request', () => {
      reply = { status: 200, body: '<html></html>' };
    });
  });
  expect(await sending).toMatchObject({
    kind: 'retry',
    reason: expect.stringContaining('refuses an empty request too'),
  });
});
