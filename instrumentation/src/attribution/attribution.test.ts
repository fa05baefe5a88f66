import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import { context, propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { useContextManager } from '../testing/otel.ts';
import { currentScope, setClient, usageContext, withClient } from './index.ts';
import { RequestScope, runInScope } from './scope.ts';

const client = () => currentScope().clientId;

describe.each([
  ['with a context manager', true],
  ['without any context manager', false],
])('attribution %s', (_name, managed) => {
  let stop: () => void = () => {};
  beforeEach(() => {
    stop = managed ? useContextManager() : () => {};
  });
  afterEach(() => stop());

  it('has no client outside of any scope', () => {
    expect(currentScope()).toEqual({});
  });

  it('survives await, timers, streams and event emitters', async () => {
    const emitter = new EventEmitter();
    await withClient('acme', async () => {
      const seen: unknown[] = [];
      emitter.once('x', () => seen.push(client()));
      await sleep(1);
      seen.push(client());
      await new Promise<void>((resolve) => {
        setTimeout(() => {
          seen.push(client());
          process.nextTick(() => {
            seen.push(client());
            resolve();
          });
        }, 1);
      });
      for await (const _chunk of Readable.from(['a', 'b'])) seen.push(client());
      queueMicrotask(() => seen.push(client()));
      await immediate();
      emitter.emit('x');
      expect(seen).toEqual(Array(7).fill('acme'));
    });
    expect(client()).toBeUndefined();
  });

  it('returns what the function returns and throws what it throws', () => {
    expect(withClient('acme', () => 42)).toBe(42);
    const error = new Error('mine');
    expect(() =>
      withClient('acme', () => {
        throw error;
      }),
    ).toThrow(error);
    expect(client()).toBeUndefined();
  });

  it('nests, merges and restores', () => {
    withClient('outer', () => {
      usageContext({ leadId: 'l1', metadata: { a: 1 } }, () => {
        withClient('inner', () => {
          usageContext({ metadata: { b: 2 }, operation: 'op' }, () => {
            expect(currentScope()).toEqual({
              clientId: 'inner',
              leadId: 'l1',
              operation: 'op',
              metadata: { a: 1, b: 2 },
            });
          });
        });
        expect(client()).toBe('outer');
      });
      expect(currentScope().leadId).toBeUndefined();
    });
  });

  it('keeps parallel executions apart', async () => {
    const run = (id: string, wait: number) =>
      withClient(id, async () => {
        await sleep(wait);
        const first = client();
        await sleep(3 - wait);
        return [first, client()];
      });
    const results = await Promise.all(['a', 'b', 'c'].map((id, i) => run(id, i)));
    expect(results).toEqual([
      ['a', 'a'],
      ['b', 'b'],
      ['c', 'c'],
    ]);
  });

  it('setClient holds for the rest of the execution, through await, and never leaks out of withClient', async () => {
    await withClient('outer', async () => {
      setClient('inner');
      expect(client()).toBe('inner');
      await sleep(1);
      expect(client()).toBe('inner');
      withClient('explicit', () => expect(client()).toBe('explicit'));
      expect(client()).toBe('inner');
    });
    expect(client()).toBeUndefined();
  });

  it('keeps setClient in the branches of a Promise.all apart', async () => {
    await withClient('around', async () => {
      const branch = async (id: string) => {
        await sleep(1);
        setClient(id);
        await sleep(1);
        return client();
      };
      expect(await Promise.all([branch('a'), branch('b'), sleep(3).then(client)])).toEqual(['a', 'b', 'around']);
      expect(client()).toBe('around');
    });
  });

  it('keeps requests apart: setClient in one is never read in another', async () => {
    const request = (id: string | undefined, wait: number) =>
      runInScope(new RequestScope(undefined), async () => {
        await sleep(wait);
        if (id !== undefined) setClient(id);
        await sleep(4 - wait);
        return client();
      });
    expect(await Promise.all([request('a', 1), request('b', 2), request(undefined, 1)])).toEqual(['a', 'b', undefined]);
  });

  it('in a request, a client set in an awaited hook holds after it (Fastify, Nest guards)', async () => {
    await runInScope(new RequestScope(undefined), async () => {
      const authenticate = async () => {
        await sleep(1);
        setClient('guest');
        await sleep(1);
        setClient('acme');
      };
      await authenticate();
      expect(client()).toBe('acme');
      await withClient('other', async () => {
        setClient('inside');
        await sleep(1);
        expect(client()).toBe('inside');
      });
      expect(client()).toBe('acme');
    });
    expect(client()).toBeUndefined();
  });

  it('in a request, two clients set independently cancel out for the code that is in neither branch', async () => {
    await runInScope(new RequestScope('header'), async () => {
      const branch = async (id: string) => {
        await sleep(1);
        setClient(id);
        await sleep(1);
        return client();
      };
      expect(await Promise.all([branch('a'), branch('b')])).toEqual(['a', 'b']);
      expect(client()).toBe('header');
    });
  });

  it('usageContext without a function adds to the rest of the execution', async () => {
    await withClient('acme', async () => {
      usageContext({ leadId: 'l', messageId: 'm', flowExecutionId: 'f' });
      await sleep(1);
      expect(currentScope()).toEqual({ clientId: 'acme', leadId: 'l', messageId: 'm', flowExecutionId: 'f' });
    });
  });

  it('ignores what is no client id and keeps the scope around', () => {
    withClient('acme', () => {
      for (const bad of ['', undefined, null, 7, {}, Symbol('x')] as unknown as string[]) {
        withClient(bad, () => expect(client()).toBe('acme'));
        setClient(bad);
        usageContext({ clientId: bad }, () => expect(client()).toBe('acme'));
      }
      usageContext(null as never, () => expect(client()).toBe('acme'));
      usageContext({ leadId: {} as never, metadata: 5 as never }, () => expect(currentScope().leadId).toBeUndefined());
      expect(client()).toBe('acme');
    });
  });
});

describe('with an OpenTelemetry context manager', () => {
  let stop: () => void = () => {};
  beforeEach(() => {
    stop = useContextManager();
  });
  afterEach(() => stop());

  it('context.bind carries the scope into another execution', () => {
    const bound = withClient('acme', () => context.bind(context.active(), client));
    expect(bound()).toBe('acme');
    expect(withClient('other', () => bound())).toBe('acme');
    runInScope(new RequestScope('third'), () => {
      setClient('fourth');
      expect(bound()).toBe('acme');
    });
  });

  it('a callback bound in one request is not charged to the request that happens to run it', () => {
    const bound = runInScope(new RequestScope(undefined), () => context.bind(context.active(), client));
    runInScope(new RequestScope('victim'), () => {
      setClient('victim');
      expect(bound()).toBeUndefined();
    });
  });

  it('an active context with another scope wins over setClient', () => {
    const other = withClient('explicit', () => context.active());
    runInScope(new RequestScope(undefined), () => {
      setClient('acme');
      expect(context.with(other, client)).toBe('explicit');
      expect(client()).toBe('acme');
    });
  });

  it('an HTTP instrumentation that starts from ROOT_CONTEXT does not take the request’s client away', async () => {
    await runInScope(new RequestScope('header'), () =>
      context.with(ROOT_CONTEXT, async () => {
        expect(client()).toBe('header');
        setClient('acme');
        await sleep(1);
        expect(client()).toBe('acme');
      }),
    );
  });

  it('reads the client of the OpenTelemetry baggage as a last resort', () => {
    const baggage = propagation.createBaggage({ 'client.id': { value: 'from baggage' } });
    const carried = propagation.setBaggage(ROOT_CONTEXT, baggage);
    expect(context.with(carried, client)).toBe('from baggage');
    context.with(carried, () => withClient('named', () => expect(client()).toBe('named')));
    const stranger = new RequestScope(undefined, new Set(['from baggage']));
    expect(runInScope(stranger, client, carried)).toBeUndefined();
  });
});
