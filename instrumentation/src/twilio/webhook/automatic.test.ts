import * as http from 'node:http';
import * as net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { diag } from '@opentelemetry/api';
import express from 'express';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { attributeIncoming } from '../../attribution/incoming.ts';
import { setClient } from '../../attribution/index.ts';
import { forgetWarnings } from '../../log.ts';
import { RecorderDouble } from '../../openai/testing/recorder.ts';
import { setRecorder } from '../../recorder/index.ts';
import { forgetCharges } from '../../recorder/open-charges.ts';
import { useContextManager } from '../../testing/otel.ts';
import { observeWebhook } from './automatic.ts';
import { expectedSignature } from './signature.ts';
import { call, encode, listen, type Posted, post, recorded, sid, sms, TOKEN } from './testing/post.ts';

const recorder = new RecorderDouble();
const stops: (() => void)[] = [];
const observe = vi.fn(observeWebhook);

beforeEach(() => {
  vi.stubEnv('TWILIO_AUTH_TOKEN', TOKEN);
  stops.push(useContextManager());
  setRecorder(recorder);
  const config = { clientHeader: undefined, trustBaggage: 'own' } as const;
  attributeIncoming({ config, webhook: { header: 'x-twilio-signature', observe } });
});
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
  vi.unstubAllEnvs();
  observe.mockClear();
  recorder.clear();
  setRecorder(undefined);
  forgetCharges();
  forgetWarnings();
});

async function serve(handler: http.RequestListener, options = {}): Promise<number> {
  const { port, stop } = await listen(handler, options);
  stops.push(stop);
  return port;
}

async function echo(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  let text = '';
  request.setEncoding('utf8');
  for await (const chunk of request) text += chunk;
  response.end(text);
}

/** Applications that read their requests in every way there is, and answer with what they read. */
const APPLICATIONS: Record<string, () => http.RequestListener> = {
  'node:http, async iterator': () => (request, response) => void echo(request, response),
  'node:http, data events': () => (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => response.end(Buffer.concat(chunks)));
  },
  'node:http, later': () => (request, response) => {
    setTimeout(() => void echo(request, response), 20);
  },
  'node:http, piped': () => (request, response) => void request.pipe(response),
  'express, urlencoded': () =>
    express().use(express.urlencoded(), (request, response) => void response.end(encode(request.body))),
  'express, raw': () =>
    express().use(express.raw({ type: '*/*' }), (request, response) => void response.end(request.body)),
};

describe.each(Object.entries(APPLICATIONS))('%s', (_name, make) => {
  it.each([undefined, 1, 100])('records a signed webhook without code (chunks of %s)', async (chunked) => {
    const port = await serve(make());
    const answer = await post(port, { fields: sms(1), ...(chunked === undefined ? {} : { chunked }) });
    expect(answer).toMatchObject({ status: 200, text: encode(sms(1)) });
    const calls = await recorded(recorder, 1);
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({ start: { operation: 'receive_sms' }, end: { externalId: sid('SM', 1) } });
  });

  it('answers a forged one as ever, and records nothing', async () => {
    const port = await serve(make());
    for (const forged of [{ signature: 'x' }, { token: 'other' }, { signature: '' }] satisfies Posted[]) {
      expect(await post(port, { fields: sms(2), ...forged })).toMatchObject({ status: 200, text: encode(sms(2)) });
    }
    expect(await recorded(recorder, 0)).toEqual([]);
  });

  it('sees a body that is too large go by whole', async () => {
    const port = await serve(make());
    const fields = sms(3, { Body: 'long '.repeat(15_000) });
    expect((await post(port, { fields })).text).toBe(encode(fields));
    expect(await recorded(recorder, 0)).toEqual([]);
  });
});

describe('without any code', () => {
  it('takes webhooks by GET, and those that are answered before they are read', async () => {
    const port = await serve((_request, response) => void response.end('<Response/>'));
    expect((await post(port, { method: 'GET', fields: sms(10) })).text).toBe('<Response/>');
    expect((await post(port, { fields: sms(11) })).text).toBe('<Response/>');
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    stops.push(() => agent.destroy());
    const long = 'x'.repeat(60_000);
    expect((await post(port, { fields: sms(12, { Body: long }), chunked: 20_000, agent })).text).toBe('<Response/>');
    // Beyond what is kept: thrown away as ever, and the connection goes on.
    const huge = post(port, { fields: sms(13, { Body: long.repeat(5) }), chunked: 20_000, agent });
    expect((await huge).text).toBe('<Response/>');
    expect((await post(port, { fields: sms(14), agent })).text).toBe('<Response/>');
    const calls = await recorded(recorder, 4);
    expect(calls.map(({ end }) => end.externalId)).toEqual([10, 11, 12, 14].map((n) => sid('SM', n)));
  });

  it('waits for a body that comes after the answer', async () => {
    const port = await serve((request, response) => {
      request.resume();
      response.end('early');
    });
    const body = encode(sms(12));
    const signature = expectedSignature(TOKEN, `http://127.0.0.1:${port}/sms`, sms(12));
    const head = `POST /sms HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/x-www-form-urlencoded\r\nX-Twilio-Signature: ${signature}\r\nContent-Length: ${body.length}\r\n\r\n`;
    const socket = net.connect(port, '127.0.0.1', () => socket.write(head));
    stops.push(() => socket.destroy());
    await sleep(30);
    expect(recorder.calls).toEqual([]);
    socket.write(body);
    expect(await recorded(recorder, 1)).toHaveLength(1);
  });

  it('charges the client that the handler names', async () => {
    const port = await serve(async (request, response) => {
      await echo(request, response);
      setClient('too late');
    });
    const early = await serve((request, response) => {
      setClient('acme');
      void echo(request, response);
    });
    await post(early, { fields: sms(13) });
    await post(port, { fields: sms(14) });
    const calls = await recorded(recorder, 2);
    expect(calls.map(({ start }) => start.scope?.clientId)).toEqual([
      'acme',
      expect.toBeOneOf([undefined, 'too late']),
    ]);
  });

  it('uses the token that an .env file set after start; with none, and without the header, it does nothing', async () => {
    vi.stubEnv('TWILIO_AUTH_TOKEN', '');
    const bodies: boolean[] = [];
    const port = await serve((request, response) => {
      bodies.push(Object.hasOwn(request, 'push'));
      void echo(request, response);
    });
    await post(port, { fields: sms(15) });
    vi.stubEnv('TWILIO_AUTH_TOKEN', TOKEN);
    await post(port, { fields: sms(16) });
    await post(port, { fields: sms(17), signature: null });
    expect(bodies).toEqual([false, true, false]);
    expect(observe).toHaveBeenCalledTimes(2);
    expect((await recorded(recorder, 1)).map(({ end }) => end.externalId)).toEqual([sid('SM', 16)]);
  });

  it('outlives aborted requests', async () => {
    const port = await serve((request, response) => {
      request.on('error', () => {});
      echo(request, response).catch(() => {});
    });
    for (const cut of [0, 10, 100]) {
      const body = encode(sms(18));
      const head = `POST /sms HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nX-Twilio-Signature: x\r\nContent-Length: ${body.length}\r\n\r\n`;
      const socket = net.connect(port, '127.0.0.1', () => socket.write(head + body.slice(0, cut)));
      await sleep(20);
      socket.destroy();
    }
    expect((await post(port, { fields: sms(19) })).status).toBe(200);
    expect(await recorded(recorder, 1)).toHaveLength(1);
  });

  it('outlives bodies of any bytes and says nothing personal', async () => {
    const logger = { error: vi.fn(), warn: vi.fn(), info() {}, debug() {}, verbose() {} };
    diag.setLogger(logger, { suppressOverrideMessage: true });
    stops.push(() => diag.disable());
    const port = await serve((request, response) => void request.pipe(response));
    const bodies = [
      Buffer.from([0xff, 0xfe, 0x3d, 0x80]),
      Buffer.from('MessageSid=%E4%F6&Body=%ZZ&%=%&=&&&;'),
      Buffer.from('a[b][c]=d&a[]=1&a[]=2&__proto__[x]=y&constructor=z'),
      Buffer.from('\u0000\u0000'),
    ];
    for (const body of bodies) expect((await post(port, { body })).status).toBe(200);
    for (const type of ['application/json', 'multipart/form-data; boundary=x', 'text/xml', '', 'nonsense']) {
      expect((await post(port, { body: '{"a":', type })).text).toBe('{"a":');
    }
    expect(await recorded(recorder, 0)).toEqual([]);
    expect(({} as { x?: string }).x).toBeUndefined();
    await post(port, { fields: sms(20) });
    await recorded(recorder, 1);
    const everything = JSON.stringify([recorder.calls, logger.warn.mock.calls, logger.error.mock.calls]);
    expect(everything).not.toMatch(/4155550|goodbye|%ZZ/);
    expect(logger.error).not.toHaveBeenCalled();
  });

  it('does not believe a body that the signature does not cover', async () => {
    const port = await serve((request, response) => void request.pipe(response));
    // The signature of a webhook by GET, sent again with a body of one's own.
    const query = `?${encode(call(1))}`;
    const url = `http://127.0.0.1:${port}/voice${query}`;
    const signature = expectedSignature(TOKEN, url, {});
    for (const type of ['text/plain', 'application/json', 'application/x-www-form-urlencoded']) {
      const headers = { 'content-type': type };
      await post(port, { path: `/voice${query}`, signature, body: `{"MessageSid":"${sid('SM', 1)}"}`, headers });
    }
    expect(await recorded(recorder, 0)).toEqual([]);
  });

  it('tells apart the requests of one connection', async () => {
    const port = await serve((request, response) => void echo(request, response));
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    stops.push(() => agent.destroy());
    for (let i = 0; i < 6; i++) {
      const signature = i % 2 === 0 ? {} : { signature: 'forged' };
      await post(port, { fields: sms(30 + i), agent, ...signature });
    }
    const calls = await recorded(recorder, 3);
    expect(calls.map(({ end }) => end.externalId)).toEqual([30, 32, 34].map((n) => sid('SM', n)));
  });

  it('says once that an address does not fit', async () => {
    const logger = { error: vi.fn(), warn: vi.fn(), info() {}, debug() {}, verbose() {} };
    diag.setLogger(logger, { suppressOverrideMessage: true });
    stops.push(() => diag.disable());
    const port = await serve((request, response) => void request.pipe(response));
    const proxied = { fields: sms(40), url: 'https://api.example.com/v1/sms' };
    await post(port, proxied);
    await post(port, proxied);
    await sleep(20);
    expect(logger.warn.mock.calls.filter((each) => each.join(' ').includes('CLIENT_COST_PUBLIC_URL'))).toHaveLength(1);
    vi.stubEnv('CLIENT_COST_PUBLIC_URL', 'https://api.example.com/v1/');
    await post(port, proxied);
    expect(await recorded(recorder, 1)).toHaveLength(1);
  });
});
