import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Context, context, propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import { suppressTracing, W3CBaggagePropagator } from '@opentelemetry/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BaggageTrust } from '../config.ts';
import { within } from '../instrument/within.ts';
import { useContextManager } from '../testing/otel.ts';
import { clientOfBaggage } from './baggage.ts';
import { billableContext } from './billable.ts';
import { attributeIncoming } from './incoming.ts';
import { currentScope, setClient, withClient } from './index.ts';
import { propagateToOwnHosts } from './outgoing.ts';
import { OwnHosts } from './own-hosts.ts';
import { RequestScope, runInScope } from './scope.ts';

let server: http.Server;
let port: number;
let handler: http.RequestListener;
let stop: () => void;

const client = () => currentScope().clientId ?? null;

beforeAll(async () => {
  server = http.createServer((request, response) => handler(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  stop = useContextManager();
  handler = async (_request, response) => {
    await sleep(1);
    response.end(JSON.stringify(client()));
  };
});
afterEach(() => stop());

/** A request as undici's own clients make it, by the undici that is within Node.js. */
async function dispatch(how: object): Promise<string> {
  const known = Symbol.for('undici.globalDispatcher.1');
  const holder = globalThis as unknown as Record<symbol, { dispatch(options: object, handler: object): void }>;
  // Made with the first fetch.
  if (holder[known] === undefined) await fetch('data:,');
  return new Promise((resolve, reject) => {
    let text = '';
    holder[known]?.dispatch(
      { origin: `http://127.0.0.1:${port}`, method: 'GET', path: '/', ...how },
      {
        onConnect: () => {},
        onUpgrade: () => resolve(text),
        onHeaders: () => true,
        onData: (chunk: Buffer) => {
          text += chunk;
          return true;
        },
        onComplete: () => resolve(text),
        onError: reject,
      },
    );
  });
}

function incoming(trustBaggage: BaggageTrust = 'own', clientHeader: string | undefined = 'x-client-id'): void {
  attributeIncoming({ config: { clientHeader, trustBaggage } });
}

async function ask(headers: Record<string, string>, agent?: http.Agent): Promise<unknown> {
  const text = await new Promise<string>((resolve, reject) => {
    const request = http.get({ port, host: '127.0.0.1', headers, ...(agent ? { agent } : {}) }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve(body));
    });
    request.on('error', reject);
  });
  return JSON.parse(text);
}

describe('incoming requests', () => {
  it('takes the client from the configured header, which wins over baggage', async () => {
    incoming();
    expect(await ask({ 'x-client-id': 'acme' })).toBe('acme');
    expect(await ask({ 'x-client-id': 'acme', baggage: 'client.id=other' })).toBe('acme');
    expect(await ask({ 'X-Client-Id': Buffer.from('café 🦊').toString('latin1') })).toBe('café 🦊');
    expect(await ask({})).toBeNull();
    expect(await ask({ 'x-client-id': '' })).toBeNull();
  });

  it('takes it from baggage of a believed peer only', async () => {
    incoming();
    const baggage = { baggage: 'a=b,client.id=caf%C3%A9' };
    expect(await ask(baggage)).toBe('café');
    expect(await ask({ ...baggage, 'x-forwarded-for': '203.0.113.5' })).toBeNull();
    expect(await ask({ ...baggage, 'x-forwarded-for': '10.0.0.1, 8.8.8.8' })).toBeNull();
    expect(await ask({ ...baggage, 'x-forwarded-for': '10.0.0.1:1234' })).toBe('café');
    expect(await ask({ ...baggage, forwarded: 'for="[2001:db8::1]:80";proto=http' })).toBeNull();
    incoming('never');
    expect(await ask(baggage)).toBeNull();
    incoming('always');
    expect(await ask({ ...baggage, 'x-forwarded-for': '203.0.113.5' })).toBe('café');
  });

  const SMUGGLED = [
    'client.id=victim',
    'client.id=a,client.id=victim',
    'client%2Eid=victim',
    'client.id=,client.id=victim',
    'client.id=v%69ctim;p=1',
    `client.id=victim,k=${'x'.repeat(5000)},j=${'x'.repeat(4000)}`,
  ];
  it.each(SMUGGLED)(
    'takes none from a stranger’s baggage, however OpenTelemetry’s propagator reads it: %.40s',
    async (baggage) => {
      propagation.setGlobalPropagator(new W3CBaggagePropagator());
      try {
        const extracted = propagation.extract(ROOT_CONTEXT, { baggage });
        expect(propagation.getBaggage(extracted)?.getEntry('client.id')?.value).toBe('victim');
        // An HTTP instrumentation of the application's, which extracts for itself.
        const own: http.RequestListener = ({ headers }, response) =>
          context.with(propagation.extract(context.active(), headers), () => response.end(JSON.stringify(client())));
        for (const extractTrace of [true, false]) {
          handler = extractTrace ? (_request, response) => response.end(JSON.stringify(client())) : own;
          for (const [trustBaggage, from] of [
            ['never', '10.0.0.1'],
            ['own', '203.0.113.5'],
          ] as const) {
            const config = { clientHeader: undefined, trustBaggage };
            attributeIncoming({ config, extractTrace: () => extractTrace });
            expect(await ask({ baggage, 'x-forwarded-for': from })).toBeNull();
          }
        }
        attributeIncoming({ config: { clientHeader: undefined, trustBaggage: 'own' }, extractTrace: () => true });
        expect(await ask({ baggage })).not.toBeNull();
      } finally {
        propagation.disable();
      }
    },
  );

  it('takes none out of what another propagator reads from a stranger', async () => {
    const entries = { 'client.id': { value: 'victim' }, a: { value: '1' } };
    const extract = (ctx: Context) => propagation.setBaggage(ctx, propagation.createBaggage(entries));
    propagation.setGlobalPropagator({ extract, inject: () => {}, fields: () => [] });
    handler = (_request, response) => {
      response.end(JSON.stringify(propagation.getActiveBaggage()?.getAllEntries()));
    };
    try {
      attributeIncoming({ config: { clientHeader: undefined, trustBaggage: 'never' }, extractTrace: () => true });
      expect(await ask({})).toEqual([['a', { value: '1' }]]);
    } finally {
      propagation.disable();
    }
  });

  it('keeps parallel requests and requests of one kept-alive connection apart', async () => {
    incoming();
    handler = async (request, response) => {
      const id = request.headers['x-later'];
      await sleep(Math.random() * 3);
      if (typeof id === 'string') setClient(id);
      await sleep(Math.random() * 3);
      response.end(JSON.stringify(client()));
    };
    const agent = new http.Agent({ keepAlive: true, maxSockets: 2 });
    try {
      const ids = Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? undefined : `c${i}`));
      const seen = await Promise.all(ids.map((id) => ask(id === undefined ? {} : { 'x-later': id }, agent)));
      expect(seen).toEqual(ids.map((id) => id ?? null));
    } finally {
      agent.destroy();
    }
  });

  it('lets the body be read in the scope', async () => {
    incoming();
    handler = (request, response) => {
      request.on('data', () => {});
      request.on('end', () => response.end(JSON.stringify(client())));
    };
    const answer = await fetch(`http://127.0.0.1:${port}`, {
      method: 'POST',
      body: 'x',
      headers: { 'x-client-id': 'acme' },
    });
    expect(await answer.json()).toBe('acme');
  });
});

describe('an observer of incoming requests', () => {
  it('sees those with its header, before they are handled; what it throws goes no further', async () => {
    const seen: unknown[] = [];
    const observe = (request: http.IncomingMessage, response: http.ServerResponse) => {
      seen.push([request.headers['x-signature'], response instanceof http.ServerResponse]);
      throw new Error('mine');
    };
    const config = { clientHeader: 'x-client-id', trustBaggage: 'own' } as const;
    attributeIncoming({ config, webhook: { header: 'x-signature', observe } });
    handler = (_request, response) => {
      seen.push('handled');
      response.end(JSON.stringify(client()));
    };
    expect(await ask({ 'x-client-id': 'acme' })).toBe('acme');
    expect(await ask({ 'x-client-id': 'acme', 'x-signature': 'abc' })).toBe('acme');
    expect(seen).toEqual(['handled', ['abc', true], 'handled']);
  });
});

describe('outgoing requests', () => {
  beforeEach(() => {
    incoming('never', undefined);
    propagateToOwnHosts(new OwnHosts([]));
    handler = (request, response) => response.end(JSON.stringify(request.headers.baggage ?? null));
  });

  it.each([
    ['node:http', () => ask({ baggage: 'a=b' })],
    ['fetch', async () => (await fetch(`http://127.0.0.1:${port}`, { headers: { baggage: 'a=b' } })).json()],
  ])('%s to an own host names the client beside what is there', async (_name, call) => {
    expect(await withClient('acme & söhne', call)).toBe('a=b,client.id=acme%20%26%20s%C3%B6hne');
    expect(await call()).toBe('a=b');
  });

  it.each([
    ['node:http', () => ask({})],
    ['fetch', async () => (await fetch(`http://127.0.0.1:${port}`)).json()],
  ])('%s without baggage gets one; never inside a billable call, never to a foreign host', async (_name, call) => {
    expect(clientOfBaggage((await withClient('acme', call)) as string)).toBe('acme');
    expect(await withClient('acme', () => context.with(billableContext(context.active()), call))).toBeNull();
    propagateToOwnHosts(new OwnHosts([`!127.0.0.1:${port}`]));
    expect(await withClient('acme', call)).toBeNull();
  });

  it.each([
    ['node:http', () => ask({})],
    ['fetch', async () => (await fetch(`http://127.0.0.1:${port}`)).json()],
  ])('%s inside a billable call gets none without a context manager either', async (_name, call) => {
    stop();
    expect(clientOfBaggage((await withClient('acme', call)) as string)).toBe('acme');
    const later = () => sleep(1).then(call);
    expect(await withClient('acme', () => within(billableContext(context.active()), later))).toBeNull();
    expect(clientOfBaggage((await withClient('acme', call)) as string)).toBe('acme');
  });

  it.each([
    ['a Host header', { headers: { host: 'api.example.com' } }],
    ['an absolute path', { path: 'http://api.example.com/v1' }],
  ])(
    'a request that %s sends on to a foreign host names no client, though the proxy is an own host',
    async (_name, how) => {
      const call = () =>
        new Promise<string>((resolve) => {
          http.get({ port, host: '127.0.0.1', ...how }, (response) => {
            response.on('data', (chunk) => resolve(String(chunk)));
          });
        });
      expect(await withClient('acme', call)).toBe('null');
    },
  );

  it.each([
    ['to the proxy alone', {}, 'client.id=acme'],
    ['with a Host header', { headers: { host: 'api.example.com' } }, null],
    ['with a Host header in a list', { headers: ['accept', 'host', 'Host', 'api.example.com'] }, null],
    ['with an absolute path', { path: 'http://api.example.com/v1' }, null],
    ['with an absolute path to an own host', { path: 'http://other.internal/v1' }, 'client.id=acme'],
  ])('undici %s', async (_name, how, expected) => {
    expect(await withClient('acme', () => dispatch(how))).toBe(JSON.stringify(expected));
  });

  it('a tunnel that undici opens through an own proxy names no client', async () => {
    const tunnels: unknown[] = [];
    const onConnect = (request: http.IncomingMessage, socket: Duplex) => {
      tunnels.push(request.headers.baggage ?? null);
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
    };
    server.once('connect', onConnect);
    await withClient('acme', () => dispatch({ method: 'CONNECT', path: 'api.example.com:80' }).catch(() => {}));
    expect(tunnels).toEqual([null]);
  });

  it('telemetry’s own requests, which an SDK sends with tracing suppressed, name no client', async () => {
    for (const ctx of [suppressTracing(ROOT_CONTEXT), suppressTracing(context.active())]) {
      const send = () => context.with(ctx, () => ask({}));
      expect(await runInScope(new RequestScope('acme'), send)).toBeNull();
    }
    const inside = () => context.with(suppressTracing(context.active()), () => ask({}));
    expect(await withClient('acme', inside)).toBeNull();
  });

  it('never overwrites what the application says', async () => {
    expect(await withClient('acme', () => ask({ baggage: 'client.id=theirs' }))).toBe('client.id=theirs');
  });

  it('leaves a request whose headers are fixed alone', async () => {
    const answer = await withClient(
      'acme',
      () =>
        new Promise((resolve) => {
          http.get({ port, headers: ['Host', `127.0.0.1:${port}`] as never }, (response) => {
            response.on('data', (chunk) => resolve(String(chunk)));
          });
        }),
    );
    expect(answer).toBe('null');
  });

  it('a billable call has no baggage at all', () => {
    const carried = propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage({ user: { value: 'x' } }));
    expect(propagation.getBaggage(billableContext(carried))).toBeUndefined();
  });
});
