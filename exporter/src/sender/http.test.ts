import http, { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { context, propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { isTracingSuppressed } from '@opentelemetry/core';
import { afterEach, expect, test, vi } from 'vitest';
import { HttpPoster, retryAfter } from './http.ts';

let close = async () => {};
afterEach(() => close());

async function serve(listener: RequestListener, timeoutMs = 300): Promise<HttpPoster> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const poster = new HttpPoster({ url: `http://127.0.0.1:${port}/x?y=1`, headers: {}, timeoutMs, gzip: false });
  close = () => {
    poster.close();
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return poster;
}

test('requests share one connection and keep path and query', async () => {
  const ports = new Set<number | undefined>();
  const poster = await serve((request, response) => {
    ports.add(request.socket.remotePort);
    request.resume().on('end', () => response.end(request.url));
  });
  for (let i = 0; i < 3; i++)
    expect(await poster.post(Buffer.from('{}'))).toMatchObject({ status: 200, body: '/x?y=1' });
  expect(ports.size).toBe(1);
});

test('no answer, or half an answer, is an error within the time-out', async () => {
  const silent = await serve(() => {});
  await expect(silent.post(Buffer.from('{}'))).rejects.toThrow('no answer within 300 ms');
  await close();
  const half = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('half');
    setTimeout(() => response.destroy(), 20);
  });
  await expect(half.post(Buffer.from('{}'))).rejects.toThrow();
});

test('an endless answer does not fill the memory, nor is it read to its end', async () => {
  const poster = await serve((_request, response) => response.end('x'.repeat(5_000_000)), 5000);
  expect((await poster.post(Buffer.from('{}'))).body.length).toBe(65_536);
  await close();
  const endless = await serve((_request, response) => response.end(Buffer.alloc(100_000_000)), 20_000);
  await expect(endless.post(Buffer.from('{}'))).rejects.toThrow('longer than');
});

test('an answer that was packed without being asked for is read; one that unpacks to too much, or not at all, is none', async () => {
  const answers = [gzipSync('{"a":1}'), gzipSync(Buffer.alloc(50_000_000)), Buffer.from('no gzip')];
  const poster = await serve((_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(answers.shift());
  }, 5000);
  expect((await poster.post(Buffer.from('{}'))).body).toBe('{"a":1}');
  await expect(poster.post(Buffer.from('{}'))).rejects.toThrow('cannot be unpacked');
  await expect(poster.post(Buffer.from('{}'))).rejects.toThrow('cannot be unpacked');
});

test('Retry-After as seconds, as a date, as nonsense', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  expect(retryAfter('2', now)).toBe(2000);
  expect(retryAfter('Thu, 01 Jan 2026 00:00:05 GMT', now)).toBe(5000);
  expect(retryAfter('Wed, 31 Dec 2025 00:00:00 GMT', now)).toBe(0);
  expect(retryAfter('999999999', now)).toBe(300_000);
  expect(retryAfter('Fri, 01 Jan 2027 00:00:00 GMT', now)).toBe(300_000);
  expect(retryAfter('-5', now)).toBe(0);
  expect(retryAfter('soon', now)).toBeUndefined();
  expect(retryAfter(undefined, now)).toBeUndefined();
});

test("a request is nobody's span and carries nobody's baggage, whatever call it is sent under", async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const contexts: (typeof ROOT_CONTEXT)[] = [];
  const original = http.request;
  const spy = vi.spyOn(http, 'request').mockImplementation(((...args: Parameters<typeof http.request>) => {
    contexts.push(context.active());
    return original(...args);
  }) as typeof http.request);
  try {
    const poster = await serve((request, response) => request.resume().on('end', () => response.end()));
    const caller = propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage({ 'client.id': { value: 'acme' } }));
    await context.with(caller, () => poster.post(Buffer.from('{}')));
    expect(contexts).toHaveLength(1);
    expect(isTracingSuppressed(contexts[0]!)).toBe(true);
    expect(propagation.getBaggage(contexts[0]!)).toBeUndefined();
  } finally {
    spy.mockRestore();
    context.disable();
  }
});

test('an answer that quotes what it was sent does not bring it into a message', async () => {
  const server = createServer((request, response) =>
    response.writeHead(401).end(`no: ${request.headers.authorization}`),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const headers = { authorization: 'Bearer planted-token-1' };
  const poster = new HttpPoster({ url: `http://127.0.0.1:${port}/`, headers, timeoutMs: 2000, gzip: false });
  close = () => {
    poster.close();
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  expect((await poster.post(Buffer.from('{}'))).body).toBe('no: Bearer [secret]');
});
