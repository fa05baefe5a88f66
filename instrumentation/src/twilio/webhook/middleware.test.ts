import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { usageContext, withClient } from '../../attribution/index.ts';
import { twilioWebhook } from './middleware.ts';
import { parseForm } from './params.ts';
import { expectedSignature } from './signature.ts';
import { application, attribute, recorder, serve, stops, useApplications } from './testing/application.ts';
import { encode, post, recorded, sid, sms, TOKEN } from './testing/post.ts';

useApplications();

describe.each([
  ['with the server watched', true],
  ['with nothing but the middleware', false],
])('twilioWebhook %s', (_name, watched) => {
  beforeEach(() => attribute(watched));

  describe.each(['before the parser', 'after the parser', 'without a parser'] as const)('%s', (order) => {
    it('passes a signed webhook on with its form, and records it when it is answered', async () => {
      const port = await serve(application(order));
      const fields = sms(1, { Twice: ['a', 'b'] });
      const answer = await post(port, { fields });
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.text)).toEqual({ body: fields });
      const [one, ...more] = await recorded(recorder, 1);
      expect(more).toEqual([]);
      expect(one?.start).toMatchObject({ service: 'twilio_sms', operation: 'receive_sms' });
      expect(one?.end).toMatchObject({
        outcome: 'ok',
        unit: 'segment',
        quantity: 1,
        sku: 'us_ca',
        externalId: sid('SM', 1),
      });
    });

    it('answers 403 to what is unsigned, forged or changed, lets none of it through and records nothing', async () => {
      const handler = vi.fn<RequestListener>((_request, response) => void response.end('in'));
      const app = application(order);
      app.use(handler);
      const port = await serve(app);
      const fields = sms(2);
      const attempts = [
        { fields, signature: null },
        { fields, signature: '' },
        { fields, signature: 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=' },
        { fields, token: 'another' },
        { fields, url: 'https://elsewhere.example/sms' },
        { fields, path: '/other', url: `http://127.0.0.1:${port}/sms` },
        { fields, headers: { 'content-type': 'text/plain' } },
      ];
      for (const attempt of attempts) {
        const answer = await post(port, attempt);
        expect(answer.status, JSON.stringify(attempt)).toBe(403);
        expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
      }
      expect(handler).not.toHaveBeenCalled();
      expect(await recorded(recorder, 0)).toEqual([]);
    });

    it('takes a webhook by GET', async () => {
      const port = await serve(application(order));
      expect((await post(port, { method: 'GET', fields: sms(3) })).status).toBe(200);
      expect((await post(port, { method: 'GET', fields: sms(3), signature: 'x' })).status).toBe(403);
      expect(await recorded(recorder, 1)).toHaveLength(1);
    });

    it('reads a body that comes byte by byte', async () => {
      const port = await serve(application(order));
      const answer = await post(port, { fields: sms(4), chunked: 1 });
      expect(JSON.parse(answer.text)).toEqual({ body: sms(4) });
      expect(await recorded(recorder, 1)).toHaveLength(1);
    });

    it('answers 413 to a body that is too large, whether it says so or not', async () => {
      const port = await serve(application(order, { limit: 2000 }));
      const fields = sms(5, { Body: 'x'.repeat(3000) });
      expect((await post(port, { fields })).status).toBe(413);
      // What a parser has taken before anybody watched was bounded by that parser's own limit.
      if (watched || order !== 'after the parser') {
        expect((await post(port, { fields, chunked: 700 })).status).toBe(413);
      }
      expect(await recorded(recorder, 0)).toEqual([]);
    });
  });

  it('leaves the stream for whoever reads it himself', async () => {
    const hook = twilioWebhook({ authToken: TOKEN });
    const port = await serve((request, response) => {
      hook(request, response, async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk);
        response.end(Buffer.concat(chunks));
      });
    });
    expect((await post(port, { fields: sms(6), chunked: 50 })).text).toBe(encode(sms(6)));
    const piped = await serve((request, response) => hook(request, response, () => void request.pipe(response)));
    expect((await post(piped, { fields: sms(6), chunked: 50 })).text).toBe(encode(sms(6)));
    expect(await recorded(recorder, 1)).toHaveLength(1);
  });

  it('works behind something asynchronous, with a stream that holds less than the body', async () => {
    const hook = twilioWebhook({ authToken: TOKEN });
    const handler = async (request: IncomingMessage, response: ServerResponse) => {
      await sleep(20);
      hook(request, response, () => {
        expect(Object.keys((request as { body?: object }).body ?? {})).toContain('MessageSid');
        request.pipe(response);
      });
    };
    const port = await serve((request, response) => void handler(request, response), { highWaterMark: 64 });
    const fields = sms(7, { Body: 'y'.repeat(5000) });
    expect((await post(port, { fields })).text).toBe(encode(fields));
    expect(await recorded(recorder, 1)).toHaveLength(1);
  });

  it('lets one connection go on after bodies that nobody reads', async () => {
    const hook = twilioWebhook({ authToken: TOKEN });
    const port = await serve((request, response) => hook(request, response, () => response.end('ok')));
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    stops.push(() => agent.destroy());
    for (let i = 0; i < 5; i++) {
      expect((await post(port, { fields: sms(20 + i, { Body: 'z'.repeat(50_000) }), agent })).status).toBe(200);
      expect((await post(port, { fields: sms(20 + i), signature: 'x', agent })).status).toBe(403);
    }
    expect(await recorded(recorder, 5)).toHaveLength(5);
  });

  it('verifies a JSON body by the SHA-256 in its signed query', async () => {
    const app = express();
    const order: string[] = [];
    app.use(twilioWebhook({ authToken: TOKEN }), express.json(), (request, response) => {
      order.push(JSON.stringify(request.body));
      response.end();
    });
    const port = await serve(app);
    const body = JSON.stringify({
      MessageSid: sid('SM', 8),
      SmsStatus: 'received',
      To: '+14155550100',
      NumSegments: 2,
    });
    expect((await post(port, { body, type: 'application/json' })).status).toBe(200);
    expect(order).toEqual([body]);
    const forged = { 'content-length': '2', 'content-type': 'application/json' };
    expect((await post(port, { body: '{}', headers: forged })).status, 'not covered').toBe(403);
    const [one] = await recorded(recorder, 1);
    expect(one?.end.quantity).toBe(2);
  });

  it('charges whom the handler names, else whom client() names, else whom the request names', async () => {
    const client = vi.fn((params: Readonly<Record<string, string | undefined>>) =>
      params.To === '+14155550101' ? 'by number' : undefined,
    );
    const port = await serve(application('before the parser', { client }));
    await post(port, { fields: sms(30, { To: '+14155550101' }) });
    await post(port, { fields: sms(31, { To: '+14155550101' }), path: '/sms?client=by+handler' });
    await post(port, { fields: sms(32), headers: { 'x-client-id': 'by header' } });
    await post(port, { fields: sms(33) });
    const calls = await recorded(recorder, 4);
    expect(calls.map(({ start }) => start.scope?.clientId)).toEqual([
      'by number',
      'by handler',
      'by header',
      undefined,
    ]);
    expect(client.mock.calls[0]?.[0]).toMatchObject({ MessageSid: sid('SM', 30) });
  });

  it('charges the client of withClient around the answer; an operation of the handler is not the webhook’s', async () => {
    const hook = twilioWebhook({ authToken: TOKEN });
    const port = await serve((request, response) =>
      hook(request, response, () => {
        withClient('around', async () => {
          usageContext({ operation: 'mine', leadId: 'lead' });
          await sleep(1);
          response.end();
        });
      }),
    );
    await post(port, { fields: sms(34) });
    const [one] = await recorded(recorder, 1);
    expect(one?.start.scope).toMatchObject({ clientId: 'around', leadId: 'lead', operation: undefined });
  });

  it('goes on where client() throws, and where the handler fails', async () => {
    const app = application('before the parser', {
      client: () => {
        throw new Error('no such number');
      },
    });
    app.post('/fails', () => {
      throw new Error('mine');
    });
    app.use((_error: unknown, _request: unknown, response: ServerResponse, _next: unknown) => {
      response.statusCode = 500;
      response.end('handled');
    });
    const port = await serve(app);
    expect((await post(port, { fields: sms(35) })).status).toBe(200);
    expect((await post(port, { fields: sms(36), path: '/fails' })).text).toBe('handled');
    expect(await recorded(recorder, 2)).toHaveLength(2);
  });

  it('records one webhook once, though the middleware is there twice and it is delivered again', async () => {
    vi.stubEnv('TWILIO_AUTH_TOKEN', TOKEN);
    const app = express();
    app.use(twilioWebhook(), express.urlencoded(), twilioWebhook(), (_request, response) => void response.end());
    const port = await serve(app);
    await post(port, { fields: sms(37) });
    await post(port, { fields: sms(37) });
    expect(await recorded(recorder, 1)).toHaveLength(1);
  });

  it('outlives a request that is aborted in its body, and records one whose answer nobody waits for', async () => {
    const seen = vi.fn<RequestListener>();
    const hook = twilioWebhook({ authToken: TOKEN });
    const port = await serve((request, response) => hook(request, response, () => seen(request, response)));
    const body = encode(sms(38));
    const signature = expectedSignature(TOKEN, `http://127.0.0.1:${port}/sms`, parseForm(body));
    const head = `POST /sms HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/x-www-form-urlencoded\r\nX-Twilio-Signature: ${signature}\r\nContent-Length: ${body.length}\r\n\r\n`;
    const cut = net.connect(port, '127.0.0.1', () => cut.write(head + body.slice(0, 50)));
    await sleep(50);
    cut.destroy();
    await sleep(50);
    expect(seen).not.toHaveBeenCalled();
    expect(recorder.calls).toEqual([]);
    const whole = net.connect(port, '127.0.0.1', () => whole.write(head + body));
    await vi.waitFor(() => expect(seen).toHaveBeenCalledTimes(1));
    whole.destroy();
    expect(await recorded(recorder, 1)).toHaveLength(1);
  });
});

it('works on HTTP/2, and where a serverless adapter makes the requests', async () => {
  const hook = twilioWebhook({ authToken: TOKEN });
  const body = encode(sms(80));
  const server = http2.createServer((request, response) => {
    hook(request as never, response as never, () => void request.pipe(response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const authority = `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  const session = http2.connect(`http://${authority}`);
  stops.push(() => {
    session.destroy();
    server.close();
  });
  const ask = async (signature: string) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/sms',
      'content-type': 'application/x-www-form-urlencoded',
      'x-twilio-signature': signature,
    });
    stream.end(body);
    const status = new Promise((resolve) => stream.on('response', (headers) => resolve(headers[':status'])));
    const text = await readText(stream);
    return [await status, text];
  };
  expect(await ask(expectedSignature(TOKEN, `http://${authority}/sms`, sms(80)))).toEqual([200, body]);
  expect((await ask('x'))[0]).toBe(403);
  expect(await recorded(recorder, 1)).toHaveLength(1);

  for (const later of [false, true]) {
    const request = Object.assign(new http.IncomingMessage(new net.Socket()), {
      method: 'POST',
      url: '/sms',
      complete: true,
      headers: {
        host: 'h.example',
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': String(body.length),
        'x-twilio-signature': expectedSignature(TOKEN, 'https://h.example/sms', sms(80)),
      },
    });
    request._read = () => {
      const push = () => {
        request.push(body);
        request.push(null);
      };
      request._read = () => {};
      if (later) setImmediate(push);
      else push();
    };
    const response = new http.ServerResponse(request);
    expect(await new Promise((resolve) => hook(request, response, () => resolve(readText(request))))).toBe(body);
  }
});
