import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { OtlpSink } from './testing/sink.ts';

// Applications as child processes, with the built package, against an OTLP sink and a stand-in of the provider.
// Needs `npm run build` (npm test does it).

vi.setConfig({ testTimeout: 60_000 });

const REGISTER = join(__dirname, '..', 'dist', 'register.js');
const APPS = join(__dirname, 'testing', 'apps');
const app = (name: string) => join(APPS, name);
const sink = new OtlpSink();
const spool = mkdtempSync(join(tmpdir(), 'client-cost-test-'));
const providerSaw: http.IncomingHttpHeaders[] = [];
let endpoint: string;
let providerPort: number;
let failWith: number | undefined;

const provider = http.createServer((request, response) => {
  providerSaw.push(request.headers);
  request.resume();
  request.on('end', () => {
    response.setHeader('content-type', 'application/json');
    if (failWith !== undefined) {
      response.statusCode = failWith;
      response.end(JSON.stringify({ error: { message: 'secret prompt text', type: 'x', code: 'rate_limit' } }));
      return;
    }
    response.end(
      JSON.stringify({
        id: 'chatcmpl-1',
        object: 'chat.completion',
        created: 1,
        model: 'gpt-4o-mini-2024-07-18',
        choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
        usage: {
          prompt_tokens: 100,
          completion_tokens: 20,
          total_tokens: 120,
          prompt_tokens_details: { cached_tokens: 0 },
        },
      }),
    );
  });
});

beforeAll(async () => {
  endpoint = await sink.start();
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
  providerPort = (provider.address() as AddressInfo).port;
});
afterAll(() => {
  sink.stop();
  provider.closeAllConnections();
  provider.close();
  rmSync(spool, { recursive: true, force: true });
});
afterEach(() => {
  sink.clear();
  providerSaw.length = 0;
  failWith = undefined;
});

interface Run {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

interface Options {
  readonly env?: Record<string, string | undefined>;
  readonly onOutput?: (line: string, kill: (signal: NodeJS.Signals) => void) => void;
}

function run(args: readonly string[], { env = {}, onOutput }: Options = {}): Promise<Run> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(OTEL_|CLIENT_COST_|NODE_OPTIONS|VITEST)/.test(name),
  );
  const child = spawn(process.execPath, args, {
    env: {
      ...Object.fromEntries(inherited),
      OPENAI_BASE_URL: `http://127.0.0.1:${providerPort}/v1`,
      CLIENT_COST_PROVIDER_HOSTS: `127.0.0.1:${providerPort}=openai`,
      CLIENT_COST_SPOOL_DIR: spool,
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_SERVICE_NAME: 'app',
      ...env,
    },
  });
  return new Promise((resolve) => {
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
      onOutput?.(String(chunk), (signal) => child.kill(signal));
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.on('close', (code, signal) => resolve({ code, signal, out, err }));
  });
}

const OK = { code: 0, signal: null, out: 'hi\n', err: '' };
const counters = () =>
  [...sink.points.values()]
    .filter(({ name }) => name.startsWith('client_cost.') && !name.startsWith('client_cost.spool.'))
    .map(({ name, attributes, value }) => [name.slice('client_cost.'.length), attributes['gen_ai.token.type'], value])
    .sort();

const spoolSums = () =>
  [...sink.points.values()]
    .filter(({ name }) => name.startsWith('client_cost.spool.'))
    .map(({ name, value }) => [name, value]);

describe('an application with no OpenTelemetry of its own', () => {
  it.each([
    ['--require', 'calls.cjs'],
    ['--import', 'calls.cjs'],
    ['--require', 'calls.mjs'],
    ['--import', 'calls.mjs'],
  ])('%s %s: one event, one span, the counters, and nothing else changes', async (flag, file) => {
    expect(await run([flag, REGISTER, app(file), 'acme'])).toEqual(OK);
    expect(sink.logs).toHaveLength(1);
    const [event] = sink.logs;
    expect(event).toMatchObject({ eventName: 'client_cost.usage', scope: '@client-cost/instrumentation' });
    expect(event?.resource['service.name']).toBe('app');
    expect(event?.attributes).toMatchObject({
      'usage.id': expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      'usage.version': 1,
      'client.id': 'acme',
      'usage.service': 'openai',
      'usage.operation': 'chat_completion',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt-4o-mini',
      'gen_ai.response.model': 'gpt-4o-mini-2024-07-18',
      'gen_ai.usage.input_tokens': 100,
      'gen_ai.usage.output_tokens': 20,
      'usage.quantity': '1',
      'usage.unit': 'request',
      'cost.amount': '0.000027',
      'cost.currency': 'USD',
      'cost.source': 'price_book',
      'usage.external_id': 'chatcmpl-1',
      'usage.outcome': 'ok',
    });
    expect(sink.spans).toHaveLength(1);
    const [span] = sink.spans;
    expect(span).toMatchObject({ name: 'chat gpt-4o-mini', kind: 3, traceId: event?.traceId, spanId: event?.spanId });
    expect(span?.resource['service.name']).toBe('app');
    expect(span?.attributes).toMatchObject({
      ...event?.attributes,
      'cost.amount': 0.000027,
      'usage.quantity': 1,
    });
    expect(counters()).toEqual([
      ['cost', undefined, 0.000027],
      ['requests', undefined, 1],
      ['tokens', 'input', 100],
      ['tokens', 'output', 20],
      ['units', undefined, 1],
    ]);
    const ofClients = [...sink.points.values()].filter(({ name }) => !name.startsWith('client_cost.spool.'));
    for (const point of ofClients) expect(point.attributes['client.id']).toBe('acme');
    expect(providerSaw.map((headers) => headers.baggage)).toEqual([undefined]);
  });

  it('register twice is register once', async () => {
    expect(await run(['--require', REGISTER, '--import', REGISTER, app('calls.cjs'), 'acme'])).toEqual(OK);
    expect([sink.logs.length, sink.spans.length]).toEqual([1, 1]);
  });

  it('a failed call is recorded with its type and without the provider’s words', async () => {
    failWith = 429;
    const { code, err } = await run(['--require', REGISTER, app('calls.cjs'), 'acme']);
    expect(code).toBe(1);
    expect(err).toContain('RateLimitError');
    expect(sink.logs).toHaveLength(1);
    expect(sink.logs[0]?.attributes).toMatchObject({ 'usage.outcome': 'error', 'cost.amount': '0' });
    expect(JSON.stringify([sink.logs, sink.spans])).not.toContain('secret prompt');
  });

  it('OTEL_SDK_DISABLED=true: money flows, telemetry does not', async () => {
    const env = { OTEL_SDK_DISABLED: 'true' };
    expect(await run(['--require', REGISTER, app('calls.cjs'), 'acme'], { env })).toEqual(OK);
    expect([sink.logs.length, sink.spans.length, sink.points.size]).toEqual([1, 0, 0]);
    expect(sink.logs[0]?.attributes['client.id']).toBe('acme');
  });

  it('OTEL_TRACES_SAMPLER=always_off: no span, but the event and the counters', async () => {
    const env = { OTEL_TRACES_SAMPLER: 'always_off' };
    expect(await run(['--require', REGISTER, app('calls.cjs'), 'acme'], { env })).toEqual(OK);
    expect([sink.logs.length, sink.spans.length, counters().length]).toEqual([1, 0, 5]);
    expect(sink.logs[0]?.spanId).toMatch(/^[0-9a-f]{16}$/);
  });

  it('CLIENT_COST_DISABLED=true: nothing at all', async () => {
    const env = { CLIENT_COST_DISABLED: 'true' };
    expect(await run(['--require', REGISTER, app('calls.cjs'), 'acme'], { env })).toEqual(OK);
    expect([sink.logs.length, sink.spans.length, sink.points.size]).toEqual([0, 0, 0]);
  });

  it('anything beyond the parts takes the whole SDK', async () => {
    const env = { OTEL_PROPAGATORS: 'b3', OTEL_LOGS_EXPORTER: 'none', OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: '100' };
    expect(await run(['--require', REGISTER, app('calls.cjs'), 'acme'], { env })).toEqual(OK);
    expect([sink.logs.length, sink.spans.length, counters().length]).toEqual([1, 1, 5]);
  });

  it('worker threads record too', async () => {
    expect(await run(['--require', REGISTER, app('worker.cjs'), 'acme'])).toEqual(OK);
    expect(sink.logs.map((log) => log.attributes['client.id'])).toEqual(['acme']);
  });

  it('node -e and an unreachable collector: same output, few words', async () => {
    expect(await run(['--require', REGISTER, '-e', 'console.log("hi")'])).toEqual(OK);
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
      CLIENT_COST_EXIT_TIMEOUT_MS: '200',
      CLIENT_COST_SPOOL_DIR: join(spool, 'unreachable'),
    };
    const clients = ['a', 'b', 'c'];
    const { code, out, err } = await run(['--require', REGISTER, app('calls.cjs'), ...clients], { env });
    expect([code, out]).toEqual([0, 'hi\nhi\nhi\n']);
    expect(err.trim().split('\n').length).toBeLessThanOrEqual(4);
    expect(err).toMatch(/client-cost/);
  });

  it('a malformed setting is named, and the default applies', async () => {
    const env = { CLIENT_COST_TRUST_BAGGAGE: 'sometimes' };
    const { err } = await run(['--require', REGISTER, app('calls.cjs'), 'acme'], { env });
    expect(err).toBe(
      'client-cost: CLIENT_COST_TRUST_BAGGAGE="sometimes" is not one of "own", "always", "never"; using "own"\n',
    );
    expect(sink.logs).toHaveLength(1);
  });
});

describe('an application with its own NodeSDK', () => {
  it.each([
    ['in its own file, without register', [app('own-sdk-calls.cjs')]],
    ['in its own file, with register', ['--require', REGISTER, app('own-sdk-calls.cjs')]],
    ['required before register', ['--require', app('own-sdk.cjs'), '--require', REGISTER, app('calls.cjs')]],
    ['required after register', ['--require', REGISTER, '--require', app('own-sdk.cjs'), app('calls.cjs')]],
    ['required before register, ESM', ['--require', app('own-sdk.cjs'), '--require', REGISTER, app('calls.mjs')]],
  ])('%s: its provider has the one span, the event goes its own way', async (_name, args) => {
    const env = { OTEL_SERVICE_NAME: undefined };
    expect(await run([...args, 'acme'], { env })).toEqual(OK);
    expect(sink.logs.map((log) => [log.attributes['client.id'], log.resource['service.name']])).toEqual([
      ['acme', 'own-sdk'],
    ]);
    expect(sink.spans.map((span) => [span.name, span.resource['service.name']])).toEqual([
      ['chat gpt-4o-mini', 'own-sdk'],
    ]);
    expect(counters()).toHaveLength(5);
    expect(spoolSums()).toContainEqual(['client_cost.spool.dropped', 0]);
  });
});

describe('a service', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

  async function serve(headers: Record<string, string>, env: Record<string, string> = {}): Promise<Run> {
    return run(['--require', REGISTER, app('server.cjs')], {
      env: { CLIENT_COST_CLIENT_HEADER: 'x-client-id', ...env },
      onOutput: (port) => {
        http.get({ port: Number(port), path: '/last', headers }, (response) => response.resume());
      },
    });
  }

  it('charges the client of the header and joins the caller’s trace', async () => {
    const { code } = await serve({ 'x-client-id': 'acme', traceparent });
    expect(code).toBe(0);
    expect(sink.logs.map((log) => [log.attributes['client.id'], log.traceId])).toEqual([
      ['acme', '0af7651916cd43dd8448eb211c80319c'],
    ]);
    expect(sink.spans[0]?.parentSpanId).toBe('b7ad6b7169203331');
  });

  it('takes the client from a peer’s baggage, hands it to its own peers, never to the provider', async () => {
    const peerSaw: unknown[] = [];
    const peer = http.createServer((request, response) => {
      peerSaw.push(request.headers.baggage);
      response.end();
    });
    await new Promise<void>((resolve) => peer.listen(0, '127.0.0.1', resolve));
    try {
      const PEER = `http://127.0.0.1:${(peer.address() as AddressInfo).port}/`;
      const { code } = await serve({ baggage: 'client.id=caf%C3%A9,x=y' }, { PEER });
      expect(code).toBe(0);
      expect(peerSaw).toEqual(['client.id=caf%C3%A9']);
      expect(providerSaw.map((headers) => headers.baggage)).toEqual([undefined]);
      expect(sink.logs.map((log) => log.attributes['client.id'])).toEqual(['café']);
    } finally {
      peer.closeAllConnections();
      peer.close();
    }
  });

  it('SIGTERM: spans and counters are out too, and the process dies of the signal', async () => {
    const { signal, code } = await run(['--require', REGISTER, app('server.cjs')], {
      onOutput: (port, kill) => {
        http.get({ port: Number(port), headers: { 'x-later': 'late' } }, (response) => {
          response.resume();
          response.on('end', () => kill('SIGTERM'));
        });
      },
    });
    expect([code, signal]).toEqual([null, 'SIGTERM']);
    expect(sink.logs.map((log) => log.attributes['client.id'])).toEqual(['late']);
    expect([sink.spans.length, counters().length]).toEqual([1, 5]);
  });
});
