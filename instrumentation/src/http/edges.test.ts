import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { context, propagation } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { suppressTracing } from '@opentelemetry/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { billableContext } from '../attribution/billable.ts';
import { endOpenCalls } from '../instrument/abandoned.ts';
import { within } from '../instrument/within.ts';
import { RecorderDouble } from '../openai/testing/recorder.ts';
import { setRecorder } from '../recorder/index.ts';
import { type HttpAnswer, type HttpRequest, type HttpRule, observeHttp } from './observe.ts';
import './testing/eager.ts';
import { createTestServer, type TestServer } from './testing/server.mts';

let server: TestServer;
let stop: () => void;
const recorder = new RecorderDouble();
let answers: HttpAnswer[] = [];

const rule: HttpRule<HttpRequest> = {
  matches: (request) => request,
  begin: (request) => ({
    start: { service: 'test', operation: request.path.slice(1), spanName: 'test' },
    wantsBody: request.query('body') !== 'no',
  }),
  end(_request, answer) {
    answers.push(answer);
    const { outcome, errorType } = answer;
    return { outcome, errorType, unpricedReason: answer.bodyProblem, quantity: pagesOf(answer) };
  },
};
const pagesOf = (answer: HttpAnswer) => (answer.json() as { usage?: { pages?: number } } | undefined)?.usage?.pages;

beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  server = await createTestServer();
});
afterAll(async () => {
  context.disable();
  await server.close();
});
beforeEach(() => {
  setRecorder(recorder);
  stop = observeHttp([server.host], () => rule);
});
afterEach(() => {
  stop();
  endOpenCalls();
  setRecorder(undefined);
  recorder.clear();
  answers = [];
  server.arrived.length = 0;
});

/** Waits until so many calls are recorded. */
async function recorded(count = 1): Promise<void> {
  for (let i = 0; i < 200 && recorder.calls.length < count; i++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(recorder.calls).toHaveLength(count);
}

type Init = { method?: string; signal?: AbortSignal };
type Client = (path: string, init?: Init) => Promise<string>;

const viaFetch: Client = async (path, init) => (await fetch(server.url + path, init)).text();
const viaHttp: Client = (path, init = {}) =>
  new Promise((resolve, reject) => {
    const request = http.request(server.url + path, { method: 'GET', ...init }, (response) => {
      let text = '';
      response.on('data', (part) => {
        text += part;
      });
      response.on('end', () => resolve(text));
      response.on('error', reject);
    });
    request.on('error', reject).end();
  });

describe.each([
  ['fetch', viaFetch],
  ['http', viaHttp],
])('%s', (name, call) => {
  it.each([
    ['/text', undefined],
    ['/empty', undefined],
    ['/huge', 'the body is longer than 1048576 bytes'],
    ['/bomb', 'the body is longer than 1048576 bytes'],
    ['/garbled', 'the body could not be decoded'],
    ['/strange', 'the body has an unknown content-encoding'],
  ])('%s has no quantity, and the application its answer', async (path, problem) => {
    await call(path).catch(() => {});
    await recorded();
    expect(recorder.last.end).toMatchObject({ outcome: 'ok', quantity: undefined, unpricedReason: problem });
  });

  it.each([204, 304, 400, 404, 429, 500, 503])('status %i', async (status) => {
    await call(`/status/${status}`);
    await recorded();
    expect(recorder.last.end).toMatchObject(
      status < 400 ? { outcome: 'ok' } : { outcome: 'error', errorType: String(status) },
    );
    expect(answers[0]?.status).toBe(status);
  });

  it('HEAD has no body', async () => {
    await call('/json', { method: 'HEAD' });
    await recorded();
    expect(recorder.last.end).toMatchObject({ outcome: 'ok', quantity: undefined });
  });

  it('a body that is not wanted ends the call with the headers', async () => {
    await call('/json?body=no');
    await recorded();
    expect(answers[0]?.text()).toBeUndefined();
    expect(answers[0]?.bodyProblem).toBeUndefined();
  });

  it('every hop of a redirect', async () => {
    await call('/redirect');
    await recorded(name === 'fetch' ? 2 : 1);
    expect(answers.map(({ status }) => status)).toEqual(name === 'fetch' ? [302, 200] : [302]);
  });

  it('a connection that breaks before the answer', async () => {
    await expect(call('/reset')).rejects.toThrow();
    await recorded();
    expect(recorder.last.end).toMatchObject({
      outcome: 'error',
      errorType: expect.stringMatching(/ECONNRESET|UND_ERR/),
    });
    expect(answers[0]?.unsent).toBe(false);
  });

  it('a server that hangs up without an answer has not been given up by the application', async () => {
    await expect(call('/close')).rejects.toThrow();
    await recorded();
    expect(recorder.last.end).toMatchObject({
      outcome: 'error',
      errorType: expect.stringMatching(/ECONNRESET|UND_ERR/),
    });
  });

  it('a connection that breaks within the answer', async () => {
    await expect(call('/half')).rejects.toThrow();
    await recorded();
    expect(recorder.last.end).toMatchObject({ outcome: 'ok', unpricedReason: 'the body was not read to its end' });
  });

  it('an application that gives up before the answer, and within it', async () => {
    for (const path of ['/silent', '/hang/body']) {
      const controller = new AbortController();
      const done = call(path, { signal: controller.signal });
      await new Promise((resolve) => setTimeout(resolve, 40));
      controller.abort();
      await expect(done).rejects.toThrow(/abort/i);
    }
    await recorded(2);
    expect(recorder.calls.map(({ end }) => [end.outcome, end.unpricedReason])).toEqual([
      ['aborted', 'no answer came'],
      ['ok', 'the body was not read to its end'],
    ]);
  });

  it('no connection at all', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const stopToo = observeHttp([`127.0.0.1:${port}`], () => rule);
    const url = `http://127.0.0.1:${port}/`;
    const failed = name === 'fetch' ? fetch(url) : new Promise((_resolve, reject) => http.get(url).on('error', reject));
    await expect(failed).rejects.toThrow();
    await recorded();
    expect(recorder.last.end).toMatchObject({ outcome: 'error', errorType: 'ECONNREFUSED' });
    expect(answers[0]?.unsent).toBe(true);
    stopToo();
  });

  it('what nobody reads is seen as far as it comes', async () => {
    if (name === 'fetch') await fetch(`${server.url}/json?pages=9`);
    else http.get(`${server.url}/json?pages=9`, () => {});
    await recorded();
    expect(recorder.last.end.quantity).toBe(9);
  });

  it('what the end of the process cuts off', async () => {
    const done = call('/hang/body').catch(() => {});
    const silent = call('/silent').catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 40));
    endOpenCalls();
    expect(recorder.calls.map(({ end }) => [end.outcome, end.unpricedReason])).toEqual([
      ['ok', 'the body was not read to its end'],
      ['aborted', 'no answer came'],
    ]);
    await server.close();
    await Promise.all([done, silent]);
    server = await createTestServer();
    expect(recorder.calls).toHaveLength(2);
  });

  it('nothing inside another billable call, nothing of telemetry', async () => {
    await context.with(billableContext(context.active()), () => call('/json'));
    await context.with(suppressTracing(context.active()), () => call('/json'));
    expect(recorder.started).toEqual([]);
  });

  it.each([
    ['no context manager', () => {}],
    [
      'one that never calls',
      () => {
        const manager = new AsyncLocalStorageContextManager().enable();
        manager.with = (() => undefined) as never;
        context.setGlobalContextManager(manager);
      },
    ],
  ])('nothing inside another billable call with %s', async (_manager, use) => {
    context.disable();
    use();
    try {
      await within(billableContext(context.active()), async () => {
        await new Promise(setImmediate);
        await call('/json');
      });
      expect(recorder.started).toEqual([]);
      await call('/json');
      await recorded();
    } finally {
      context.disable();
      context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    }
  });

  it('a rule that throws costs the application nothing', async () => {
    stop();
    const boom = () => {
      throw new Error('boom');
    };
    for (const broken of [
      { ...rule, matches: boom },
      { ...rule, begin: boom },
      { ...rule, end: boom },
    ]) {
      stop = observeHttp([server.host], () => broken);
      expect(JSON.parse(await call('/json')).kind).toBe('json');
      stop();
    }
    stop = observeHttp([server.host], boom);
    expect(JSON.parse(await call('/json')).kind).toBe('json');
    expect(recorder.calls).toEqual([]);
  });

  it('nothing any more when stopped', async () => {
    stop();
    await call('/json');
    expect(recorder.started).toEqual([]);
  });
});

it('a body that Node.js drops because nobody listens is not one without a quantity', async () => {
  http.get(`${server.url}/json?pages=9`);
  await recorded();
  expect(recorder.last.end).toMatchObject({ outcome: 'ok', unpricedReason: 'the body was not read to its end' });
});

describe('who pays does not reach the provider', () => {
  it.each([
    ['client.id=acme', undefined],
    ['a=1,client.id=acme;prop=x,b=2', 'a=1,b=2'],
    ['a=1', 'a=1'],
  ])('%s → %s', async (baggage, arrives) => {
    await (await fetch(`${server.url}/json`, { headers: { baggage } })).text();
    await new Promise((resolve) => {
      http.get(`${server.url}/json`, { headers: { baggage } }, (response) => response.resume().on('end', resolve));
    });
    expect(server.arrived.map(({ headers }) => headers.baggage)).toEqual([arrives, arrives]);
  });
});

it('nor does what an instrumentation adds after us, from the baggage of the active context', async () => {
  const add = (message: unknown) => {
    (message as { request: { addHeader(name: string, value: string): void } }).request.addHeader(
      'baggage',
      'client.id=acme,a=1',
    );
  };
  subscribe('undici:request:create', add);
  try {
    const baggage = propagation.createBaggage({ 'client.id': { value: 'acme' }, a: { value: '1' } });
    await context.with(propagation.setBaggage(context.active(), baggage), () => viaFetch('/json'));
  } finally {
    unsubscribe('undici:request:create', add);
  }
  expect(server.arrived.map(({ headers }) => headers.baggage)).toEqual(['a=1']);
});

it('finds the host behind an http proxy’s absolute path', async () => {
  stop();
  stop = observeHttp(['api.example.com'], () => rule);
  await new Promise((resolve) => {
    const options = { host: '127.0.0.1', port: server.port, path: 'http://api.example.com/json?pages=2' };
    http.get(options, (response) => response.resume().on('end', resolve));
  });
  await recorded();
  expect(recorder.last.start.operation).toBe('json');
});

it.each([
  ['*.example.com', 'http://api.example.com/', true],
  ['*.example.com', 'http://example.com/', false],
  ['api.example.com', 'http://api.example.com:8080/', true],
  ['api.example.com:80', 'http://api.example.com/', true],
  ['api.example.com:81', 'http://api.example.com/', false],
  ['API.Example.com', 'http://api.example.com/', true],
  ['[::1]:80', 'http://[::1]/', true],
  ['http://api.example.com', 'http://api.example.com/', false],
  ['*', 'http://api.example.com/', false],
])('%s is %s: %s', async (pattern, url, expected) => {
  stop();
  let asked = 0;
  stop = observeHttp([pattern], () => ({
    ...rule,
    matches() {
      asked += 1;
      return undefined;
    },
  }));
  const request = http.get({ host: '127.0.0.1', port: server.port, path: url });
  await new Promise((resolve) => request.on('response', (response) => response.resume().on('end', resolve)));
  expect(asked).toBe(expected ? 1 : 0);
});
