import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { tokenHeaders, withTokenHeaders } from './token.ts';

const TOKEN = { CLIENT_COST_OTLP_TOKEN: 'a%b/c' };
const HEADER = { authorization: 'Bearer a%b/c' };

it.each([
  ['the same address', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, HEADER],
  ['the default address', {}, HEADER],
  [
    'another port of the same host',
    { CLIENT_COST_OTLP_ENDPOINT: 'http://collector:4318', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4317' },
    HEADER,
  ],
  [
    'another host',
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://vendor/x' },
    {},
  ],
  [
    'another host by the general address, usage events by their own',
    { CLIENT_COST_OTLP_ENDPOINT: 'http://collector:4318', OTEL_EXPORTER_OTLP_ENDPOINT: 'https://vendor' },
    {},
  ],
  [
    'the same host without encryption',
    { CLIENT_COST_OTLP_ENDPOINT: 'https://collector:4318', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4319' },
    {},
  ],
  ['an authorization of the user’s own', { OTEL_EXPORTER_OTLP_HEADERS: 'x=1, Authorization=Basic%20x' }, {}],
  ['one for the signal', { OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'authorization=x' }, {}],
  ['one for another signal', { OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'authorization=x' }, HEADER],
  ['no address at all', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'nonsense' }, {}],
])('%s', (_, env, headers) => {
  expect(tokenHeaders('TRACES', { ...TOKEN, ...env })).toEqual(headers);
  expect(tokenHeaders('TRACES', env)).toEqual({});
});

it('the environment has the token only while the SDK starts', () => {
  const env: Record<string, string | undefined> = { ...TOKEN, OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x=1' };
  const before = { ...env };
  withTokenHeaders(env, () => {
    expect(env.OTEL_EXPORTER_OTLP_TRACES_HEADERS).toBe('x=1,authorization=Bearer%20a%25b%2Fc');
    expect(env.OTEL_EXPORTER_OTLP_METRICS_HEADERS).toBe('authorization=Bearer%20a%25b%2Fc');
  });
  expect(env).toEqual(before);
  expect(() =>
    withTokenHeaders(env, () => {
      throw new Error('no SDK');
    }),
  ).toThrow('no SDK');
  expect(env).toEqual(before);
});

// The whole way: both ways to start the SDK, spans and metrics, seen by a receiver.
it.each([
  ['parts', {}],
  ['the whole SDK', { OTEL_PROPAGATORS: 'b3' }],
])('spans and metrics of %s carry it', async (_, more) => {
  const seen = new Map<string, string | undefined>();
  const server = createServer((request, response) => {
    seen.set(request.url ?? '', request.headers.authorization);
    request.resume().on('end', () => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const { spawn } = await import('node:child_process');
  const { join } = await import('node:path');
  const script = `
    const { trace, metrics } = require('@opentelemetry/api');
    trace.getTracer('t').startSpan('s').end();
    metrics.getMeter('m').createCounter('c').add(1);`;
  const register = join(import.meta.dirname, '..', '..', 'dist', 'register.js');
  const child = spawn(process.execPath, ['--require', register, '-e', script], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      CLIENT_COST_EXPORTER: 'none',
      ...TOKEN,
      ...more,
    },
    stdio: 'ignore',
  });
  await new Promise((resolve) => child.once('exit', resolve));
  server.closeAllConnections();
  server.close();
  expect(Object.fromEntries(seen)).toMatchObject({
    '/v1/traces': HEADER.authorization,
    '/v1/metrics': HEADER.authorization,
  });
});
