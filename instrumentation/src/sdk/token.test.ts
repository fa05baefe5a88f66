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
