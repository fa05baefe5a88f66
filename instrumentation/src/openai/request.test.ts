import { describe, expect, it, test } from 'vitest';
import type { Client, RequestOptions } from './internal-types.ts';
import type { Endpoint } from './provider.ts';
import { operationOf, withStreamUsage } from './request.ts';

const endpoint = { provider: { streamUsage: true } } as unknown as Endpoint;
const ask = (options: RequestOptions) =>
  withStreamUsage(operationOf('/chat/completions')!, endpoint, {} as Client, options);
const body = (more: { stream_options?: object | undefined } = {}) => ({
  model: 'm',
  messages: [],
  stream: true,
  ...more,
});

describe('usage of a stream is asked for', () => {
  it('in a copy: the body is the caller’s', () => {
    const theirs = Object.freeze(body());
    const { options, sent } = ask({ stream: true, body: theirs })!;
    expect(options.body).toEqual({ ...theirs, stream_options: { include_usage: true } });
    expect(sent()).toBe(true);
  });

  // openai 7 and up to 6. Their body is known to the SDK by identity as it is written.
  test.each([{ __metadata: { helperMethod: 'stream' } }, { headers: { 'X-Stainless-Helper-Method': 'runTools' } }])(
    'in the body that a helper of the SDK made: %j',
    (how) => {
      for (const before of [body(), body({ stream_options: { other: 1 } }), body({ stream_options: undefined })]) {
        const own = { ...before };
        const { options, sent } = ask({ stream: true, body: own, ...how })!;
        expect(options.body).toBe(own);
        expect(JSON.parse(JSON.stringify(own)).stream_options).toEqual({
          ...before.stream_options,
          include_usage: true,
        });
        expect(sent()).toBe(true);
        expect(own).toStrictEqual(before);
      }
      const frozen = Object.freeze(body());
      expect(ask({ stream: true, body: frozen, ...how })?.options.body).toMatchObject({
        stream_options: { include_usage: true },
      });
    },
  );

  const helper = { __metadata: { helperMethod: 'stream' } };
  test.each([{}, helper])('a hook of the application’s may ask itself, or copy what we ask: %j', (how) => {
    const hooked = (hook: (sent: ReturnType<typeof body>) => object) => {
      const own = body();
      const { options, sent } = ask({ stream: true, body: own, ...how })!;
      (options as { body: unknown }).body = hook(options.body as typeof own);
      return { ours: sent(), own };
    };
    const asks = { stream_options: { include_usage: true } };
    expect(hooked((sent) => ({ ...sent, ...asks })).ours).toBe(false);
    expect(hooked((sent) => ({ ...sent, stream_options: undefined })).ours).toBe(false);
    expect(hooked((sent) => ({ ...sent, messages: [{ role: 'user', content: 'x' }] })).ours).toBe(true);
    expect(hooked((sent) => structuredClone(sent)).ours).toBe(true);
    const { ours, own } = hooked((sent) => Object.assign(sent, asks));
    expect(ours).toBe(false);
    expect(own).toEqual('__metadata' in how ? body(asks) : body());
  });

  it('not where it is asked for already, or where nothing is streamed', () => {
    expect(ask({ stream: true, body: body({ stream_options: { include_usage: true } }) })).toBeUndefined();
    expect(ask({ body: body() })).toBeUndefined();
  });
});
