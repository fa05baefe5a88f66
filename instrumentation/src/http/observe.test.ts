import * as http from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { withClient } from '../attribution/index.ts';
import { RecorderDouble } from '../openai/testing/recorder.ts';
import { setRecorder } from '../recorder/index.ts';
import { type HttpAnswer, type HttpRequest, type HttpRule, observeHttp } from './observe.ts';
import './testing/eager.ts';
import { createTestServer, type TestServer } from './testing/server.mts';

let server: TestServer;
let stop: () => void;
const recorder = new RecorderDouble();
const answers: HttpAnswer[] = [];
const rule: HttpRule<HttpRequest> = {
  matches: (request) => (request.path === '/other' ? undefined : request),
  begin: (request) => ({
    start: { service: 'test', operation: request.path.slice(1), spanName: 'test' },
    wantsBody: request.query('body') !== 'no',
    wantsRequestBody: request.method === 'POST',
  }),
  end(_request, answer) {
    answers.push(answer);
    const pages = (answer.json() as { usage?: { pages?: number } } | undefined)?.usage?.pages;
    return {
      outcome: answer.outcome,
      errorType: answer.errorType,
      quantity: pages,
      externalId: answer.header('X-Request-Id'),
      unpricedReason: answer.bodyProblem,
    };
  },
};

beforeAll(async () => {
  server = await createTestServer();
});
afterAll(() => server.close());
beforeEach(() => {
  setRecorder(recorder);
  stop = observeHttp([server.host], () => rule);
});
afterEach(() => {
  stop();
  setRecorder(undefined);
  recorder.clear();
  answers.length = 0;
  server.arrived.length = 0;
});

/** The two ways out of a process, with one result. */
const CLIENTS: Record<
  string,
  (path: string, init?: { method?: string; body?: string }) => Promise<{ status: number; text: string }>
> = {
  async fetch(path, init) {
    const response = await fetch(server.url + path, init);
    return { status: response.status, text: await response.text() };
  },
  http: (path, init) =>
    new Promise((resolve, reject) => {
      const headers = { 'accept-encoding': 'gzip' };
      const request = http.request(server.url + path, { method: init?.method ?? 'GET', headers }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part) => parts.push(part));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: String(Buffer.concat(parts)) }));
        response.on('error', reject);
      });
      request.on('error', reject);
      request.end(init?.body);
    }),
};

describe.each(Object.entries(CLIENTS))('%s', (_name, call) => {
  it.each(['json', 'chunks', 'gzip', 'deflate', 'deflate-raw', 'br', 'zstd', 'early'])('/%s', async (kind) => {
    await call(`/${kind}?pages=7&id=a`);
    expect(recorder.calls).toHaveLength(1);
    expect(recorder.last).toMatchObject({
      start: { operation: kind },
      end: { outcome: 'ok', quantity: 7, externalId: 'req-a' },
    });
    expect(recorder.last.end.unpricedReason).toBeUndefined();
  });

  it('charges who was in force at the request', async () => {
    await Promise.all(['a', 'b', 'c'].map((client) => withClient(client, () => call(`/json?id=${client}`))));
    const said = recorder.calls.map(({ start, end }) => [start.scope?.clientId, end.externalId]).sort();
    expect(said).toEqual([
      ['a', 'req-a'],
      ['b', 'req-b'],
      ['c', 'req-c'],
    ]);
    expect(JSON.stringify(server.arrived.map(({ headers }) => headers))).not.toContain('client.id');
  });

  it('reads what the application sent, where a rule asks', async () => {
    await call('/json', { method: 'POST', body: JSON.stringify({ units: 5 }) });
    expect(answers[0]?.requestJson()).toEqual({ units: 5 });
  });

  it('passes by what no rule knows', async () => {
    await call('/other');
    expect(recorder.started).toEqual([]);
  });
});
